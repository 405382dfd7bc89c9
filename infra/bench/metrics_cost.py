"""What metrics cost a call: a minute of talk counted and measured, with a reader of metrics and without, in turns."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource

from contracts import events as e
from contracts.topology import PERSISTENCE, REASONING, SYNTHESIS, VOICE
from infra.bench.conversations import conversations
from infra.bench.statistics import median, percentile
from infra.metrics import table as t
from infra.metrics.sessions import MeasuredSessions
from infra.telemetry.metrics import recorded

MINUTE_NS = 60 * 10**9
HANDLERS = (PERSISTENCE, REASONING, SYNTHESIS)
"""Who handles a fact, as a rule: each measures how long it takes."""


@dataclass(frozen=True, slots=True)
class MetricsCost:
    """CPU time in ms that metrics add to a minute of talk, and in percent of a core."""

    pairs: int
    facts: int
    added_median_ms: float
    added_quartiles_ms: tuple[float, float]
    percent_of_a_core: float

    def lines(self) -> list[str]:
        """Return the figures as text."""
        lower, upper = self.added_quartiles_ms
        return [
            f"metrics of a call take {self.percent_of_a_core:.3f} % of a core ({self.pairs} pairs of a minute of talk, "
            f"{self.facts} facts): median {self.added_median_ms:.1f} ms, quartiles {lower:.1f} to {upper:.1f} ms"
        ]


def metrics_cost(pairs: int) -> MetricsCost:
    """Measure so many pairs."""
    facts = minute_of_talk()
    added_ms = []
    for _ in range(pairs):
        without_s = _counting_s(facts)
        with recorded([InMemoryMetricReader()], Resource({"service.name": "daredevil-bench"})):
            added_ms.append((_counting_s(facts) - without_s) * 1_000)
    middle_ms = median(added_ms)
    quartiles_ms = (percentile(added_ms, 0.25), percentile(added_ms, 0.75))
    return MetricsCost(pairs, len(facts), middle_ms, quartiles_ms, middle_ms / 60_000 * 100)


def minute_of_talk() -> list[e.Event]:
    """Return the facts of a generated conversation's first minute: ten turns."""
    facts = conversations(1_000)
    opened = next(facts)
    return [opened, *takewhile(lambda fact: fact.time_ns < opened.time_ns + MINUTE_NS, facts)]


def _counting_s(facts: Sequence[e.Event]) -> float:
    """Count these facts, and measure the storing and the handling of each; return the CPU time in seconds."""
    sessions = MeasuredSessions()
    began_s = time.process_time()
    for fact in facts:
        t.APPEND_TIME.record(0.003, "nats", "publish", VOICE, "")
        for durable in HANDLERS:
            t.HANDLING_TIME.record(0.01, "nats", "process", durable, "")
        sessions.count(fact, fact.time_ns)
    return time.process_time() - began_s
