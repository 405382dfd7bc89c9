"""Many rooms at once: whether every turn is answered, how much later, and what each room takes of the machine."""

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from infra.bench.idle import cpu_s
from infra.bench.load import Load, Meter
from infra.bench.statistics import median, percentile
from infra.caller import CallFailed, CallResult, Sound, Utterance
from infra.caller.room import RoomDial
from infra.ending import ended

SAMPLE_S = 5.0
SETTLE_SHARE = 0.2
"""The first part of a run is not asked for the growth of memory: processes fill their caches then."""

JOBS = "bridge-livekit"

Tell = Callable[[str], None]


@dataclass(slots=True)
class RoomTurns:
    """What the caller of one room saw, over all its calls."""

    asked: int = 0
    gaps_ms: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(self, result: CallResult) -> None:
        """Add a call. What was said and not answered aloud before the next was said is a missed turn."""
        self.asked += len(result.said)
        heard = [reply.started_at_s for reply in result.replies if reply.started_at_s is not None]
        nexts = [*(said.start_s for said in result.said[1:]), float("inf")]
        for said, until_s in zip(result.said, nexts, strict=False):
            answers = [at_s for at_s in heard if said.end_of_speech_s <= at_s < until_s]
            if answers:
                self.gaps_ms.append(round((answers[0] - said.end_of_speech_s) * 1000, 1))


@dataclass(frozen=True, slots=True)
class Sample:
    """The system at one moment of a run."""

    at_s: float
    parts: dict[str, Load]
    callers_cpu_s: float


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
    cores: dict[str, float]
    callers_cores: float
    memory_mb: list[float]
    """All of the system, at regular times."""
    jobs_mb: list[float]
    """The LiveKit door with its jobs, at regular times."""
    growth_mb_per_minute: float
    problems: list[str]


@dataclass(frozen=True, slots=True)
class RoomsFigures:
    """Many rooms against one."""

    one: RunFigures
    many: RunFigures
    added_p50_ms: float
    added_p95_ms: float
    cores_per_room: float
    rooms_per_core: float
    mb_per_room: float


async def measure_rooms(
    dial: RoomDial, data_dir: Path, ask: Sound, rooms: int, seconds: float, alone_s: float, tell: Tell
) -> RoomsFigures:
    """Measure one room for `alone_s`, then so many for `seconds`. Raises OSError if no system runs on `data_dir`."""
    tell(f"one room for {alone_s:.0f} s")
    one = await _run(dial, data_dir, ask, 1, alone_s, tell)
    tell(f"{rooms} rooms for {seconds:.0f} s")
    return compare(one, await _run(dial, data_dir, ask, rooms, seconds, tell))


def compare(one: RunFigures, many: RunFigures) -> RoomsFigures:
    """Work out what each further room costs."""
    further = max(1, many.rooms - one.rooms)
    cores = (sum(many.cores.values()) - sum(one.cores.values())) / further
    return RoomsFigures(
        one=one,
        many=many,
        added_p50_ms=round(many.gap_p50_ms - one.gap_p50_ms, 1),
        added_p95_ms=round(many.gap_p95_ms - one.gap_p95_ms, 1),
        cores_per_room=round(cores, 4),
        rooms_per_core=round(1 / cores, 1) if cores > 0 else 0,
        mb_per_room=round((max(many.memory_mb, default=0) - max(one.memory_mb, default=0)) / further, 1),
    )


async def _run(dial: RoomDial, data_dir: Path, ask: Sound, rooms: int, seconds: float, tell: Tell) -> RunFigures:
    until_s = time.monotonic() + seconds
    turns = [RoomTurns() for _ in range(rooms)]
    # Not all at the same moment: callers do not breathe in step.
    apart_s = min(1.0, 10 / rooms)
    callers = [
        asyncio.create_task(_talk(dial, ask, room, until_s, number * apart_s), name=f"caller {number}")
        for number, room in enumerate(turns)
    ]
    samples: list[Sample] = []
    watcher = asyncio.create_task(_watch(data_dir, samples, turns, tell), name="watcher")
    try:
        await asyncio.gather(*callers)
    finally:
        await ended(watcher, *callers)
    return figures_of(turns, samples)


async def _talk(dial: RoomDial, ask: Sound, turns: RoomTurns, until_s: float, wait_s: float) -> None:
    """Ask again and again until the time is over; a call that breaks is followed by another."""
    await asyncio.sleep(wait_s)
    while time.monotonic() < until_s:
        try:
            turns.add(await dial(_questions(ask, until_s), user_id="bench"))
        except CallFailed as failure:
            turns.problems.append(str(failure))
            if failure.result is not None:
                turns.add(failure.result)
            await asyncio.sleep(1)  # a server that refuses is not to be asked without a pause


def _questions(ask: Sound, until_s: float) -> Iterator[Utterance]:
    while time.monotonic() < until_s:
        yield Utterance(ask)


async def _watch(data_dir: Path, samples: list[Sample], turns: Sequence[RoomTurns], tell: Tell) -> None:
    began_s, meter = time.monotonic(), Meter(data_dir)
    while True:
        parts = await asyncio.to_thread(meter.read)
        samples.append(Sample(round(time.monotonic() - began_s, 1), parts, cpu_s(os.getpid())))
        if len(samples) % 12 == 1:
            total = sum(load.pss_mb for load in parts.values())
            tell(f"{samples[-1].at_s:.0f} s: {total:.0f} MB, {sum(len(room.problems) for room in turns)} problems")
        await asyncio.sleep(SAMPLE_S)


def figures_of(turns: Sequence[RoomTurns], samples: Sequence[Sample]) -> RunFigures:
    """Put the rooms of a run together."""
    gaps = [gap_ms for room in turns for gap_ms in room.gaps_ms]
    asked = sum(room.asked for room in turns)
    memory = [round(sum(load.pss_mb for load in sample.parts.values()), 1) for sample in samples]
    first, last = samples[0], samples[-1]
    spent_s = max(last.at_s - first.at_s, 1e-3)
    return RunFigures(
        rooms=len(turns),
        seconds=round(spent_s, 1),
        asked=asked,
        missed=asked - len(gaps),
        gap_p50_ms=round(median(gaps), 1),
        gap_p95_ms=round(percentile(gaps, 0.95), 1),
        gap_max_ms=round(max(gaps, default=0), 1),
        cores={name: round(_cores(first, last, name, spent_s), 3) for name in last.parts},
        callers_cores=round((last.callers_cpu_s - first.callers_cpu_s) / spent_s, 3),
        memory_mb=memory,
        jobs_mb=[sample.parts[JOBS].pss_mb for sample in samples if JOBS in sample.parts],
        growth_mb_per_minute=round(growth([sample.at_s for sample in samples], memory), 2),
        problems=[problem for room in turns for problem in room.problems],
    )


def _cores(first: Sample, last: Sample, name: str, spent_s: float) -> float:
    before = first.parts[name].cpu_s if name in first.parts else 0
    return max(0.0, last.parts[name].cpu_s - before) / spent_s


def growth(at_s: Sequence[float], memory_mb: Sequence[float]) -> float:
    """Return by how much memory grows (MB a minute), between the medians of the first and second half of the rest.

    The first fifth of the time is left out.
    """
    settled = [(at, mb) for at, mb in zip(at_s, memory_mb, strict=True) if at >= at_s[-1] * SETTLE_SHARE]
    half = len(settled) // 2
    if half < 2:
        return 0.0
    early, late = settled[:half], settled[half:]
    minutes = (median([at for at, _ in late]) - median([at for at, _ in early])) / 60
    return (median([mb for _, mb in late]) - median([mb for _, mb in early])) / minutes if minutes > 0 else 0.0


def as_json_text(figures: RoomsFigures) -> str:
    """Return everything as one JSON object."""
    return json.dumps(asdict(figures), indent=2)
