"""The agent's voice in a room, with an audio source that takes a frame only when it is let to."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from livekit import rtc

from bridge.livekit.loudspeaker import SOURCE_MS, RoomLoudspeaker
from bridge.playback.reports import Played
from tests.waiting import until

RATE_HZ = 24_000
HALF_A_SECOND = b"\x00\x40" * (RATE_HZ // 2)


class SlowSource(rtc.AudioSource):
    """Takes a frame when it is let to, and notes what happens in which order."""

    def __init__(self) -> None:
        super().__init__(RATE_HZ, 1, queue_size_ms=SOURCE_MS)
        self.happened: list[str] = []
        self.lets = asyncio.Event()
        self.lets.set()

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        self.happened.append("frame handed")
        await self.lets.wait()
        await super().capture_frame(frame)
        self.happened.append("frame there")

    def clear_queue(self) -> None:
        self.happened.append("cleared")
        super().clear_queue()


class Playing:
    def __init__(self) -> None:
        self.played: list[Played] = []
        self.source = SlowSource()
        self.loudspeaker = RoomLoudspeaker(RATE_HZ, self.played.append)
        self.loudspeaker.source = self.source

    def tell(self, kind: str, **fields: Any) -> None:
        self.loudspeaker.tell({"type": kind, "reply_id": "r-1", **fields})

    def begin(self) -> None:
        self.tell("reply", sample_rate_hz=RATE_HZ)
        self.loudspeaker.sound(HALF_A_SECOND)


@pytest.fixture
async def playing() -> AsyncIterator[Playing]:
    playing = Playing()
    task = asyncio.create_task(playing.loudspeaker.run())
    yield playing
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_pause_clears_the_source_at_once(playing: Playing) -> None:
    playing.begin()
    await until(lambda: playing.source.happened[-1:] == ["frame there"])
    playing.tell("pause")
    assert playing.source.happened[-1] == "cleared"


async def test_a_pause_waits_for_the_frame_that_is_on_its_way(playing: Playing) -> None:
    playing.source.lets.clear()
    playing.begin()
    await until(lambda: playing.source.happened == ["frame handed"])
    playing.tell("pause")
    assert playing.source.happened == ["frame handed"]
    playing.source.lets.set()
    await until(lambda: len(playing.source.happened) >= 3)
    assert playing.source.happened == ["frame handed", "frame there", "cleared"]


async def test_what_comes_while_a_frame_is_on_its_way_is_done_in_order(playing: Playing) -> None:
    playing.source.lets.clear()
    playing.begin()
    await until(lambda: playing.source.happened == ["frame handed"])
    playing.tell("stop")
    playing.loudspeaker.tell({"type": "reply", "reply_id": "r-2", "sample_rate_hz": RATE_HZ})
    playing.loudspeaker.sound(HALF_A_SECOND)
    playing.source.lets.set()
    await until(lambda: any(report.reply_id == "r-2" and report.samples > 0 for report in playing.played))
    assert playing.source.happened[:3] == ["frame handed", "frame there", "cleared"]
    assert [report.reply_id for report in playing.played].count("r-1") == 1


async def test_no_more_than_what_bridges_a_pause_is_handed_on_ahead(playing: Playing) -> None:
    playing.begin()
    begun_s = asyncio.get_running_loop().time()
    await until(lambda: playing.source.happened.count("frame there") >= 10)
    heard_s = asyncio.get_running_loop().time() - begun_s
    handed, there = (playing.source.happened.count(f"frame {what}") for what in ("handed", "there"))
    assert there * 0.04 <= heard_s + 0.08 + 0.001
    assert handed - there <= 1


class HeldUpSource(rtc.AudioSource):
    """Holds the event loop up after every fourth frame until the source is empty; notes when frames were handed on."""

    def __init__(self) -> None:
        super().__init__(RATE_HZ, 1, queue_size_ms=SOURCE_MS)
        self.handed: list[tuple[float, float]] = []

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        self.handed.append((time.monotonic(), frame.samples_per_channel / RATE_HZ))
        await super().capture_frame(frame)
        free_s = time.monotonic() + (SOURCE_MS / 1000 if len(self.handed) % 4 == 0 else 0)
        while time.monotonic() < free_s:
            pass

    def left_s(self, at_s: float) -> float:
        """Return how much sound can have left it at most by then."""
        empty_s, handed_s = -np.inf, 0.0
        for given_s, length_s in self.handed:
            if given_s <= at_s:
                empty_s, handed_s = max(empty_s, given_s) + length_s, handed_s + length_s
        return handed_s - max(0.0, empty_s - at_s)


async def test_where_a_busy_loop_let_the_source_run_empty_nothing_counts_before_it_has_left() -> None:
    played: list[Played] = []
    loudspeaker, source = RoomLoudspeaker(RATE_HZ, played.append), HeldUpSource()
    loudspeaker.source = source
    task = asyncio.create_task(loudspeaker.run())
    loudspeaker.tell({"type": "reply", "reply_id": "r-1", "sample_rate_hz": RATE_HZ})
    loudspeaker.sound(2 * HALF_A_SECOND)
    loudspeaker.tell({"type": "reply_end", "reply_id": "r-1", "samples": RATE_HZ})
    await until(lambda: bool(played) and played[-1].ended)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    early = [each.samples / RATE_HZ - source.left_s((each.at_ms or 0) / 1000) for each in played]
    assert max(early) <= 0.001, early
