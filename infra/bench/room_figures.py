"""The figures of a run with many rooms, or many calls at the page: turns, gaps, CPU, memory. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from infra.bench.load import Load
from infra.bench.statistics import median, percentile
from infra.caller import CallResult
from infra.caller.result import PARTS, MeasuredTurn

SETTLE_SHARE = 0.33
FILLING_S = 300.0
"""The first part of a run does not count for the growth of memory: caches and buffers are filled then. The last to be
full is what a door keeps of a call's facts, 1,000 of them."""


LEAST_SAMPLES = 4
"""Fewer say nothing about growth."""

UNSEEN = "way_ms"
"""The part of a gap that the log does not see: the way between caller and door, both ways, with its jitter buffers."""


@dataclass(slots=True)
class RoomTurns:
    """What the caller of one room saw, over all its calls."""

    settling_s: float = 0
    """Gaps up to this time of the run are kept separate."""
    asked: int = 0
    first_gaps_ms: list[float] = field(default_factory=list)
    gaps_ms: list[float] = field(default_factory=list)
    log_gaps_ms: list[float] = field(default_factory=list)
    """The later gaps as the door recorded them: without what the callers themselves are late by."""
    parts_ms: dict[str, list[float]] = field(default_factory=dict)
    """The parts of the later gaps by the log, and the part that the log does not see."""
    problems: list[str] = field(default_factory=list)

    def add(self, result: CallResult, began_s: float = 0) -> None:
        """Add a call that began at this time of the run.

        An utterance that was not answered aloud before the next one is a missed turn.
        """
        self.asked += len(result.said)
        settled_s = self.settling_s - began_s
        heard = [reply.started_at_s for reply in result.replies if reply.started_at_s is not None]
        nexts = [*(said.start_s for said in result.said[1:]), float("inf")]
        for said, until_s in zip(result.said, nexts, strict=False):
            answers = [at_s for at_s in heard if said.end_of_speech_s <= at_s < until_s]
            if answers:
                gaps_ms = self.gaps_ms if said.end_of_speech_s >= settled_s else self.first_gaps_ms
                gaps_ms.append(round((answers[0] - said.end_of_speech_s) * 1000, 1))
        started = {reply.reply_id: reply.started_at_s for reply in result.replies}
        for turn in result.turns:
            at_s = started.get(turn.reply_id)
            if at_s is None or at_s >= settled_s:
                self._add_parts(turn)

    def _add_parts(self, turn: MeasuredTurn) -> None:
        parts = dict(turn.parts)
        if turn.log_gap_ms is not None:
            self.log_gaps_ms.append(turn.log_gap_ms)
        if turn.gap_ms is not None and turn.log_gap_ms is not None:
            parts[UNSEEN] = turn.gap_ms - turn.log_gap_ms
        for part, ms in parts.items():
            self.parts_ms.setdefault(part, []).append(ms)


@dataclass(frozen=True, slots=True)
class Sample:
    """The system at one moment of a run."""

    at_s: float
    parts: dict[str, Load]
    callers_cpu_s: float

    @property
    def memory_mb(self) -> float:
        """All of the system's memory."""
        return sum(load.pss_mb for load in self.parts.values())


@dataclass(frozen=True, slots=True)
class RunFigures:
    """A run with so many rooms; gaps in ms, memory in MB, CPU in cores."""

    rooms: int
    seconds: float
    asked: int
    missed: int
    gap_p50_ms: float
    gap_p95_ms: float
    gap_max_ms: float
    first_gap_p95_ms: float
    """While the rooms came up; the other gaps are those after that."""
    log_gap_p50_ms: float
    log_gap_p95_ms: float
    """As the door recorded them: without what the callers themselves are late by."""
    parts_p50_ms: dict[str, float]
    parts_p95_ms: dict[str, float]
    cores: dict[str, float]
    callers_cores: float
    memory_mb: list[float]
    """Memory of the whole system, at regular times."""
    settled_mb: float
    """Its memory once processes had filled their buffers, or at the end of a run that is too short for that."""
    growth_mb_per_minute: dict[str, float]
    """By how much each part of the system grew from then on; empty for a run that is too short to tell."""
    problems: list[str]


@dataclass(frozen=True, slots=True)
class RoomsFigures:
    """Many rooms compared with one. A further room's figures are what each room beyond the first adds."""

    one: RunFigures
    many: RunFigures
    added_p50_ms: float
    added_p95_ms: float
    added_log_p95_ms: float
    """The same of the gaps that the door recorded."""
    cores_per_room: float
    callers_cores_per_room: float
    rooms_per_core: float
    mb_per_room: tuple[float, float]
    """Once settled, and at the end."""
    growth_mb_per_room_minute: float


def compare(one: RunFigures, many: RunFigures) -> RoomsFigures:
    """Work out what each further room costs."""
    further = max(1, many.rooms - one.rooms)
    cores = (sum(many.cores.values()) - sum(one.cores.values())) / further
    alone_mb = max(one.memory_mb, default=0)
    return RoomsFigures(
        one=one,
        many=many,
        added_p50_ms=round(many.gap_p50_ms - one.gap_p50_ms, 1),
        added_p95_ms=round(many.gap_p95_ms - one.gap_p95_ms, 1),
        added_log_p95_ms=round(many.log_gap_p95_ms - one.log_gap_p95_ms, 1),
        cores_per_room=round(cores, 4),
        callers_cores_per_room=round((many.callers_cores - one.callers_cores) / further, 4),
        rooms_per_core=round(1 / cores, 1) if cores > 0 else 0,
        mb_per_room=(
            round((many.settled_mb - alone_mb) / further, 1),
            round((many.memory_mb[-1] - alone_mb) / further, 1) if many.memory_mb else 0,
        ),
        growth_mb_per_room_minute=round(sum(many.growth_mb_per_minute.values()) / many.rooms, 2),
    )


def figures_of(turns: Sequence[RoomTurns], samples: Sequence[Sample]) -> RunFigures:
    """Summarise the rooms of a run."""
    gaps = [gap_ms for room in turns for gap_ms in room.gaps_ms]
    first_gaps = [gap_ms for room in turns for gap_ms in room.first_gaps_ms]
    log_gaps = [gap_ms for room in turns for gap_ms in room.log_gaps_ms]
    asked = sum(room.asked for room in turns)
    first, last = samples[0], samples[-1]
    spent_s = max(last.at_s - first.at_s, 1e-3)
    parts_ms = {part: [ms for room in turns for ms in room.parts_ms.get(part, ())] for part in (*PARTS, UNSEEN)}
    settled = _settled(samples)
    grown = {name: round(_growth_of(name, settled), 2) for name in last.parts} if len(settled) >= LEAST_SAMPLES else {}
    return RunFigures(
        rooms=len(turns),
        seconds=round(spent_s, 1),
        asked=asked,
        missed=asked - len(gaps) - len(first_gaps),
        gap_p50_ms=round(median(gaps), 1),
        gap_p95_ms=round(percentile(gaps, 0.95), 1),
        gap_max_ms=round(max(gaps, default=0), 1),
        first_gap_p95_ms=round(percentile(first_gaps, 0.95), 1),
        log_gap_p50_ms=round(median(log_gaps), 1),
        log_gap_p95_ms=round(percentile(log_gaps, 0.95), 1),
        parts_p50_ms={part: round(median(ms), 1) for part, ms in parts_ms.items()},
        parts_p95_ms={part: round(percentile(ms, 0.95), 1) for part, ms in parts_ms.items()},
        cores={name: round(_cores(first, last, name, spent_s), 3) for name in last.parts},
        callers_cores=round((last.callers_cpu_s - first.callers_cpu_s) / spent_s, 3),
        memory_mb=[round(sample.memory_mb, 1) for sample in samples],
        settled_mb=round(settled[0].memory_mb if grown else last.memory_mb, 1),
        growth_mb_per_minute=grown,
        problems=[problem for room in turns for problem in room.problems],
    )


def _settled(samples: Sequence[Sample]) -> list[Sample]:
    from_s = samples[0].at_s + max((samples[-1].at_s - samples[0].at_s) * SETTLE_SHARE, FILLING_S)
    return [sample for sample in samples if sample.at_s >= from_s]


def _growth_of(name: str, samples: Sequence[Sample]) -> float:
    there = [sample for sample in samples if name in sample.parts]
    return growth([sample.at_s for sample in there], [sample.parts[name].pss_mb for sample in there])


def _cores(first: Sample, last: Sample, name: str, spent_s: float) -> float:
    before = first.parts[name].cpu_s if name in first.parts else 0
    return max(0.0, last.parts[name].cpu_s - before) / spent_s


def growth(at_s: Sequence[float], memory_mb: Sequence[float]) -> float:
    """Return by how much memory grows (MB a minute), between the medians of the first and second half of the time."""
    half = len(at_s) // 2
    if len(at_s) < LEAST_SAMPLES:
        return 0.0
    minutes = (median(at_s[half:]) - median(at_s[:half])) / 60
    return (median(memory_mb[half:]) - median(memory_mb[:half])) / minutes if minutes > 0 else 0.0
