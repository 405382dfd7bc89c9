"""The figures of several systems over the same calls: the gap, and who answered too early. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from infra.bench.statistics import median, percentile, word_error_rate

OURS = "daredevil"


@dataclass(frozen=True, slots=True)
class Placed:
    """A call as one system answered it. `onsets_ms`: each reply's first audible sample, from the end of speech on."""

    system: str
    wav: str
    pause: bool
    text: str
    onsets_ms: tuple[float, ...] = ()
    heard: str = ""
    problem: str = ""
    without_model: bool = False
    """The answer was one that is there without the language model; ours only."""

    @property
    def gap_ms(self) -> float | None:
        """How long the caller waited for an answer; None if none began after all had been said."""
        return min((ms for ms in self.onsets_ms if ms >= 0), default=None)

    @property
    def is_cut_off(self) -> bool:
        """Whether an answer began before the caller had finished."""
        return any(ms < 0 for ms in self.onsets_ms)


@dataclass(frozen=True, slots=True)
class SystemFigures:
    """One system over some calls; gaps in ms."""

    calls: int
    answered: int
    cut_off: int
    median_ms: float
    p95_ms: float
    max_ms: float
    slower_ms: float | None
    """Call by call, by how much it is slower than ours (median over the calls that both answered); None for ours."""
    word_error_rate: float | None


def figures_of(calls: Sequence[Placed], ours: Mapping[tuple[int, str], float]) -> SystemFigures:
    """Work out one system's figures; `ours` are our gaps by the round and the WAV of a call."""
    gaps = [call.gap_ms for call in calls if call.gap_ms is not None]
    pairs = [
        call.gap_ms - ours[key]
        for key, call in _by_round(calls).items()
        if call.gap_ms is not None and key in ours and call.system != OURS
    ]
    heard = [call for call in calls if not call.problem]
    return SystemFigures(
        calls=len(calls),
        answered=len(gaps),
        cut_off=sum(call.is_cut_off for call in calls),
        median_ms=round(median(gaps), 1),
        p95_ms=round(percentile(gaps, 0.95), 1),
        max_ms=round(max(gaps, default=0), 1),
        slower_ms=round(median(pairs), 1) if pairs else None,
        word_error_rate=word_error_rate([call.text for call in heard], [call.heard for call in heard]),
    )


def _by_round(calls: Sequence[Placed]) -> dict[tuple[int, str], Placed]:
    """Return the calls of one system by how often the same WAV came before, and the WAV."""
    seen: dict[str, int] = {}
    found = {}
    for call in calls:
        found[seen.setdefault(call.wav, 0), call.wav] = call
        seen[call.wav] += 1
    return found


def groups(calls: Sequence[Placed]) -> dict[str, dict[str, SystemFigures]]:
    """Return figures of the plain calls, of those with a pause, and of all; in each, of every system in its order."""
    kinds = {
        "plain": [call for call in calls if not call.pause],
        "with a pause": [call for call in calls if call.pause],
        "all": list(calls),
    }
    systems = list(dict.fromkeys(call.system for call in calls))
    found: dict[str, dict[str, SystemFigures]] = {}
    for kind, those in kinds.items():
        if those and (kind == "all" or len(those) < len(calls)):
            ours = _by_round([call for call in those if call.system == OURS])
            gaps = {key: call.gap_ms for key, call in ours.items() if call.gap_ms is not None}
            of_each = {system: [call for call in those if call.system == system] for system in systems}
            found[kind] = {system: figures_of(its, gaps) for system, its in of_each.items() if its}
    return found


@dataclass(frozen=True, slots=True)
class Run:
    """What was run with what, and the calls."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    calls: tuple[Placed, ...] = ()


def as_json_text(run: Run) -> str:
    """Return everything as one JSON object."""
    summary = {
        kind: {system: asdict(figures) for system, figures in of_each.items()}
        for kind, of_each in groups(run.calls).items()
    }
    calls = [{**asdict(call), "gap_ms": call.gap_ms, "cut_off": call.is_cut_off} for call in run.calls]
    return json.dumps({"settings": dict(run.settings), "groups": summary, "calls": calls}, indent=2)


def calls_in(text: str) -> tuple[Placed, ...]:
    """Return the calls of an earlier run's JSON. Raises ValueError, KeyError if it is none."""
    names = [name for name in Placed.__dataclass_fields__ if name != "onsets_ms"]
    return tuple(
        Placed(**{name: call[name] for name in names}, onsets_ms=tuple(call["onsets_ms"]))
        for call in json.loads(text)["calls"]
    )
