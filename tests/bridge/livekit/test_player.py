"""The room's player does what every player of replies must do: into an audio source that notes what it is handed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest
from livekit import rtc
from numpy.typing import NDArray

from bridge.livekit.board import Board
from bridge.livekit.loudspeaker import SOURCE_MS
from bridge.livekit.room_line import RoomLine
from bridge.playback.reports import Played
from infra.process.tasks import ended
from tests.bridge.playback.player_contract import RATE_HZ, PlayerContract, PlayerUnderTest
from tests.waiting import until


class NotingSource(rtc.AudioSource):
    """Notes the sound that it is handed. What it had not played when it was cleared comes again: it counts once."""

    def __init__(self) -> None:
        super().__init__(RATE_HZ, 1, queue_size_ms=SOURCE_MS)
        self.handed = np.zeros(0, np.int64)
        self._cleared = False

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        samples = np.frombuffer(frame.data, "<i2").astype(np.int64)
        if self._cleared:
            again = np.flatnonzero(self.handed == samples[0])
            self.handed = self.handed[: again[-1]] if len(again) else self.handed
            self._cleared = False
        self.handed = np.concatenate((self.handed, samples))
        await super().capture_frame(frame)

    def clear_queue(self) -> None:
        self._cleared = True
        super().clear_queue()


class RoomPlayer(PlayerUnderTest):
    """The line of a call into a room that nobody is in."""

    def __init__(self) -> None:
        self._told: list[Played] = []
        board = Board(rtc.Room(), lambda _: None)
        self.line = RoomLine(RATE_HZ, board, self._told.append, self._told_refused)
        self.source = NotingSource()
        self.line.loudspeaker.source = self.source

    def _told_refused(self, code: str) -> None:
        raise AssertionError(code)

    @property
    def told(self) -> list[Played]:
        return self._told

    async def tell(self, message: dict[str, Any]) -> None:
        self.line.tell(message)

    async def sound(self, pcm: bytes) -> None:
        self.line.sound(pcm)

    async def until(self, condition: Callable[[], object]) -> None:
        await until(condition)

    async def heard(self) -> NDArray[np.int64]:
        return self.source.handed


class TestRoomPlayer(PlayerContract):
    @pytest.fixture
    async def player(self) -> AsyncIterator[RoomPlayer]:
        player = RoomPlayer()
        playing = asyncio.create_task(player.line.loudspeaker.run())
        yield player
        await ended(playing)
