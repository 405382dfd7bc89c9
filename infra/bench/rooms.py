"""Many calls at once, in rooms or at the page: whether every turn is answered, how much later, and what each costs."""

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from infra.bench.idle import cpu_s
from infra.bench.load import Meter
from infra.bench.room_figures import RoomsFigures, RoomTurns, RunFigures, Sample, compare, figures_of
from infra.bench.statistics import median, percentile
from infra.caller import CallFailed, ScriptedUtterance, Sound
from infra.caller.talk import Dial
from infra.process.tasks import ended

SAMPLES = 20
SAMPLE_S = 20.0, 60.0
"""The shortest and longest time between two samples: measuring the memory of all processes slows them down."""
REPORT_S = 60.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How calls come up."""

    apart_s: float
    """Between two starts."""
    settling_s: float
    """After the last start, until gaps count."""
    turns_a_call: int | None = None
    """After so many turns a caller hangs up and calls again; None to stay."""


ROOMS = Pace(apart_s=3.0, settling_s=30.0)
"""Ten processes that start within ten seconds leave no CPU to the others, and jitter buffers that grew meanwhile take
half a minute to shrink."""
PAGES = Pace(apart_s=0.3, settling_s=5.0, turns_a_call=20)
"""A call at the page starts no process. Its caller keeps all that it has heard, so after some minutes another calls."""

Report = Callable[[str], None]


async def measure_rooms(
    dial: Dial, pace: Pace, data_dir: Path, ask: Sound, rooms: int, seconds: float, alone_s: float, report: Report
) -> RoomsFigures:
    """Measure one call for `alone_s`, then so many for `seconds`. Raises OSError if no system runs on `data_dir`."""
    report(f"one call for {alone_s:.0f} s")
    one = await _run(dial, pace, data_dir, ask, 1, alone_s, report)
    report(f"{rooms} calls for {seconds:.0f} s")
    return compare(one, await _run(dial, pace, data_dir, ask, rooms, seconds, report))


class _Progress:
    """What happened in the log since the last report, over all rooms."""

    def __init__(self) -> None:
        self._turns = 0
        self._gaps_ms: list[float] = []

    def take(self, name: str, data: dict[str, Any]) -> None:
        """Take a fact of any room."""
        if name == "TurnEnded":
            self._turns += 1
        elif name == "PlaybackStarted" and data.get("gap_ms") is not None:
            self._gaps_ms.append(float(data["gap_ms"]))

    def since(self) -> str:
        """Return it as text, and start again."""
        told = (
            f"{self._turns} turns ended, {len(self._gaps_ms)} answers began; "
            f"gap at the door P50 {median(self._gaps_ms):.0f} ms, P95 {percentile(self._gaps_ms, 0.95):.0f} ms"
        )
        self._turns, self._gaps_ms = 0, []
        return told


async def _run(
    dial: Dial, pace: Pace, data_dir: Path, ask: Sound, rooms: int, seconds: float, report: Report
) -> RunFigures:
    began_s = time.monotonic()
    until_s = began_s + seconds
    # In a run this short, at least the second half counts.
    settling_s = min((rooms - 1) * pace.apart_s + pace.settling_s, seconds / 2)
    turns = [RoomTurns(settling_s) for _ in range(rooms)]
    progress = _Progress()
    callers = [
        asyncio.create_task(_talk(dial, pace, ask, room, (began_s, until_s), number * pace.apart_s, progress))
        for number, room in enumerate(turns)
    ]
    samples: list[Sample] = []
    sample_s = min(max(seconds / SAMPLES, SAMPLE_S[0]), SAMPLE_S[1])
    watcher = asyncio.create_task(_watch(data_dir, samples, sample_s, turns, progress, report), name="watcher")
    try:
        await asyncio.gather(*callers)
    finally:
        await ended(watcher, *callers)
    return figures_of(turns, samples)


async def _talk(
    dial: Dial,
    pace: Pace,
    ask: Sound,
    turns: RoomTurns,
    time_s: tuple[float, float],
    wait_s: float,
    progress: _Progress,
) -> None:
    """Ask again and again until the time is over; a call that breaks off is replaced by another."""
    began_s, until_s = time_s
    await asyncio.sleep(wait_s)
    while time.monotonic() < until_s:
        try:
            result = await dial(_questions(ask, until_s, pace), user_id="bench", on_fact=progress.take)
            turns.add(result, time.monotonic() - began_s - result.seconds)
        except CallFailed as failure:
            turns.problems.append(str(failure))
            if failure.result is not None:
                turns.add(failure.result, time.monotonic() - began_s - failure.result.seconds)
            await asyncio.sleep(1)  # pause before trying again a server that refuses


def _questions(ask: Sound, until_s: float, pace: Pace) -> Iterable[ScriptedUtterance]:
    asked = _asked_until(ask, until_s)
    return islice(asked, pace.turns_a_call)


def _asked_until(ask: Sound, until_s: float) -> Iterator[ScriptedUtterance]:
    while time.monotonic() < until_s:
        yield ScriptedUtterance(ask)


async def _watch(
    data_dir: Path,
    samples: list[Sample],
    sample_s: float,
    turns: Sequence[RoomTurns],
    progress: _Progress,
    report: Report,
) -> None:
    began_s, meter, reported_s = time.monotonic(), Meter(data_dir), 0.0
    while True:
        parts = await asyncio.to_thread(meter.read)
        samples.append(Sample(round(time.monotonic() - began_s, 1), parts, cpu_s(os.getpid())))
        if samples[-1].at_s - reported_s >= REPORT_S - sample_s / 2:
            reported_s = samples[-1].at_s
            problems = sum(len(room.problems) for room in turns)
            memory_mb = samples[-1].memory_mb
            report(f"{samples[-1].at_s:.0f} s: {progress.since()}; {memory_mb:.0f} MB, {problems} problems")
        await asyncio.sleep(sample_s)
