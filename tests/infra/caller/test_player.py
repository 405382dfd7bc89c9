"""The simulated caller's ear does what every player of replies must do: on a clock of its own."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.playback.reports import Played
from infra.caller.loudspeaker import Loudspeaker, Report
from tests.bridge.playback.player_contract import RATE_HZ, PlayerContract, PlayerUnderTest

STEP_S = 0.005
MOST_S = 10


class SimulatedPlayer(PlayerUnderTest):
    def __init__(self) -> None:
        self.loudspeaker = Loudspeaker(RATE_HZ)
        self._now_s = 0.0
        self._told: list[Played] = []
        self._reply_id = ""

    def _take(self, reports: Sequence[Report]) -> None:
        for each in reports:
            marks = {"started": each.started, "ended": each.ended, "stalled": each.stalled, "resumed": each.resumed}
            self._told.append(Played(type="played", reply_id=each.reply_id, samples=each.samples, **marks))

    @property
    def told(self) -> list[Played]:
        return self._told

    async def tell(self, message: dict[str, Any]) -> None:
        if message["type"] == "reply":
            self._reply_id = message["reply_id"]
        self._take(self.loudspeaker.tell(self._now_s, message))

    async def sound(self, pcm: bytes) -> None:
        self._take(self.loudspeaker.receive(self._now_s, self._reply_id, pcm))

    async def until(self, condition: Callable[[], object]) -> None:
        until_s = self._now_s + MOST_S
        while not condition():
            assert self._now_s < until_s
            self._now_s += STEP_S
            self._take(self.loudspeaker.advance(self._now_s))

    async def heard(self) -> NDArray[np.int64]:
        return self.loudspeaker.heard(0, self._now_s)[1].astype(np.int64)


class TestSimulatedPlayer(PlayerContract):
    @pytest.fixture
    def player(self) -> SimulatedPlayer:
        return SimulatedPlayer()
