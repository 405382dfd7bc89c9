"""Many rooms at once: whether every turn is answered, how much later, and what each room takes of the machine."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from infra.bench.idle import cpu_s
from infra.bench.load import Meter
from infra.bench.room_figures import RoomsFigures, RoomTurns, RunFigures, Sample, compare, figures_of
from infra.bench.statistics import median, percentile
from infra.caller import CallFailed, Sound, Utterance
from infra.caller.room import RoomDial
from infra.ending import ended

SAMPLE_S = 10.0
TELL_EVERY = 6
"""A line for so many samples."""

Tell = Callable[[str], None]


async def measure_rooms(
    dial: RoomDial, data_dir: Path, ask: Sound, rooms: int, seconds: float, alone_s: float, tell: Tell
) -> RoomsFigures:
    """Measure one room for `alone_s`, then so many for `seconds`. Raises OSError if no system runs on `data_dir`."""
    tell(f"one room for {alone_s:.0f} s")
    one = await _run(dial, data_dir, ask, 1, alone_s, tell)
    tell(f"{rooms} rooms for {seconds:.0f} s")
    return compare(one, await _run(dial, data_dir, ask, rooms, seconds, tell))


class _Progress:
    """What the log has said since the last line, over all rooms."""

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
        """Return it in words, and begin anew."""
        told = (
            f"{self._turns} turns ended, {len(self._gaps_ms)} answers began; "
            f"gap at the door P50 {median(self._gaps_ms):.0f} ms, P95 {percentile(self._gaps_ms, 0.95):.0f} ms"
        )
        self._turns, self._gaps_ms = 0, []
        return told


async def _run(dial: RoomDial, data_dir: Path, ask: Sound, rooms: int, seconds: float, tell: Tell) -> RunFigures:
    until_s = time.monotonic() + seconds
    turns = [RoomTurns() for _ in range(rooms)]
    progress = _Progress()
    # Not all at the same moment: callers do not breathe in step.
    apart_s = min(1.0, 10 / rooms)
    callers = [
        asyncio.create_task(_talk(dial, ask, room, until_s, number * apart_s, progress), name=f"caller {number}")
        for number, room in enumerate(turns)
    ]
    samples: list[Sample] = []
    watcher = asyncio.create_task(_watch(data_dir, samples, turns, progress, tell), name="watcher")
    try:
        await asyncio.gather(*callers)
    finally:
        await ended(watcher, *callers)
    return figures_of(turns, samples)


async def _talk(
    dial: RoomDial, ask: Sound, turns: RoomTurns, until_s: float, wait_s: float, progress: _Progress
) -> None:
    """Ask again and again until the time is over; a call that breaks is followed by another."""
    await asyncio.sleep(wait_s)
    while time.monotonic() < until_s:
        try:
            turns.add(await dial(_questions(ask, until_s), user_id="bench", on_fact=progress.take))
        except CallFailed as failure:
            turns.problems.append(str(failure))
            if failure.result is not None:
                turns.add(failure.result)
            await asyncio.sleep(1)  # a server that refuses is not to be asked without a pause


def _questions(ask: Sound, until_s: float) -> Iterator[Utterance]:
    while time.monotonic() < until_s:
        yield Utterance(ask)


async def _watch(
    data_dir: Path, samples: list[Sample], turns: Sequence[RoomTurns], progress: _Progress, tell: Tell
) -> None:
    began_s, meter = time.monotonic(), Meter(data_dir)
    while True:
        parts = await asyncio.to_thread(meter.read)
        samples.append(Sample(round(time.monotonic() - began_s, 1), parts, cpu_s(os.getpid())))
        if len(samples) % TELL_EVERY == 1 and len(samples) > 1:
            problems = sum(len(room.problems) for room in turns)
            memory_mb = samples[-1].memory_mb
            tell(f"{samples[-1].at_s:.0f} s: {progress.since()}; {memory_mb:.0f} MB, {problems} problems")
        await asyncio.sleep(SAMPLE_S)
