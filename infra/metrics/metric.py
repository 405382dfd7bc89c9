"""Instruments that are declared before anything measures: without a reader they do nothing, so tests record nowhere.

The values of attributes are bounded: of those that are declared any other becomes OTHER, and of an open attribute (the
name of an engine, a tool) only the first MOST_VALUES are kept apart.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, TypeVar

from opentelemetry import metrics as api

OTHER = "_OTHER"
"""As in OpenTelemetry's semantic conventions."""

MOST_VALUES = 30
"""How many values of an open attribute a process tells apart."""

InstrumentT = TypeVar("InstrumentT")

Kind = Literal["counter", "updowncounter", "gauge", "histogram"]


@dataclass(frozen=True, eq=False)
class Attribute:
    """What tells the series of a metric apart. `values` are all it may have; without, it is open.

    An empty value leaves it out.
    """

    key: str
    values: tuple[str, ...] = ()
    _seen: set[str] = field(default_factory=set)

    def bounded(self, value: str) -> str:
        """Return the value, or OTHER."""
        if self.values:
            return value if value in self.values else OTHER
        if value not in self._seen:
            if len(self._seen) >= MOST_VALUES:
                return OTHER
            self._seen.add(value)
        return value


Labels = dict[str, str]


@dataclass(frozen=True, eq=False)
class Metric(ABC, Generic[InstrumentT]):
    """One instrument: its name, unit and attributes as OpenTelemetry has them, and who records it."""

    kind: ClassVar[Kind]

    name: str
    unit: str
    description: str
    attributes: tuple[Attribute, ...] = ()
    _labels: dict[tuple[str, ...], Labels] = field(default_factory=dict, repr=False)
    _instruments: list[InstrumentT] = field(default_factory=list, repr=False)
    """What records it: none before a process begins to measure, then one."""

    @abstractmethod
    def _created(self, meter: api.Meter) -> InstrumentT:
        """Return the instrument in a meter."""

    @property
    def is_bound(self) -> bool:
        """Whether it is recorded."""
        return bool(self._instruments)

    def bind(self, meter: api.Meter) -> None:
        """Record with a meter from now on."""
        self._instruments[:] = [self._created(meter)]

    def unbind(self) -> None:
        """Record nowhere."""
        self._instruments.clear()
        for attribute in self.attributes:
            attribute._seen.clear()
        self._labels.clear()

    def labels(self, values: Sequence[str]) -> Labels:
        """Return the attributes of one series, given their values in the order in which they are declared."""
        known = self._labels.get(tuple(values))
        if known is None:
            pairs = zip(self.attributes, values, strict=True)
            known = {attribute.key: attribute.bounded(value) for attribute, value in pairs if value}
            if OTHER not in known.values():  # the values that become OTHER may be many
                self._labels[tuple(values)] = known
        return known


AnyMetric = Metric[Any]


class Counter(Metric[api.Counter]):
    """Counts what happened since the process began."""

    kind = "counter"

    def _created(self, meter: api.Meter) -> api.Counter:
        return meter.create_counter(self.name, self.unit, self.description)

    def add(self, amount: float, *values: str) -> None:
        """Add to the series with these values of the attributes."""
        for instrument in self._instruments:
            instrument.add(amount, self.labels(values))


@dataclass(frozen=True, eq=False)
class Histogram(Metric[api.Histogram]):
    """Counts measured values by `buckets`, their upper bounds."""

    kind = "histogram"

    buckets: tuple[float, ...] = field(kw_only=True)

    def _created(self, meter: api.Meter) -> api.Histogram:
        return meter.create_histogram(
            self.name, self.unit, self.description, explicit_bucket_boundaries_advisory=self.buckets
        )

    def record(self, value: float, *values: str) -> None:
        """Record a value in the series with these values of the attributes."""
        for instrument in self._instruments:
            instrument.record(value, self.labels(values))


Observed = Iterable[tuple[float, tuple[str, ...]]]
"""Values, each with those of the attributes."""

Observe = Callable[[], Observed]
"""Looks at something when the metrics are read: in any thread, so it only reads."""


def one(look: Callable[[], float]) -> Observe:
    """Return what looks at a single value without attributes."""
    return lambda: [(look(), ())]


@dataclass(frozen=True, eq=False)
class Observable(Metric[object]):
    """What is looked at when the metrics are read."""

    _sources: list[Observe] = field(default_factory=list, repr=False)

    @contextmanager
    def observed_by(self, observe: Observe) -> Iterator[None]:
        """Tell what `observe` returns, for the length of a block."""
        self._sources.append(observe)
        try:
            yield
        finally:
            self._sources.remove(observe)

    def _observe(self, _: api.CallbackOptions) -> Iterable[api.Observation]:
        for observe in list(self._sources):
            for value, values in observe():
                # OTLP has no booleans: one would keep all metrics of the process from being sent.
                yield api.Observation(int(value) if isinstance(value, bool) else value, self.labels(values))


class Gauge(Observable):
    """How something is right now."""

    kind = "gauge"

    def _created(self, meter: api.Meter) -> object:
        return meter.create_observable_gauge(self.name, [self._observe], self.unit, self.description)


class ObservedCounter(Observable):
    """Counts what something else counts."""

    kind = "counter"

    def _created(self, meter: api.Meter) -> object:
        return meter.create_observable_counter(self.name, [self._observe], self.unit, self.description)


class ObservedUpDownCounter(Observable):
    """How much there is of something that adds up over processes, such as memory."""

    kind = "updowncounter"

    def _created(self, meter: api.Meter) -> object:
        return meter.create_observable_up_down_counter(self.name, [self._observe], self.unit, self.description)
