import asyncio

import numpy as np
import pytest

from infra.caller.spoken_whole import TICK_S, SpokenWhole
from infra.process.tasks import ended
from infra.process.virtual_loop import VirtualLoop
from tests.virtual_time import START_S

RATE_HZ = 8_000


def test_an_utterance_is_handed_over_whole_and_takes_its_time_to_be_said(virtual_loop: VirtualLoop) -> None:
    given: list[bytes] = []
    words = np.arange(RATE_HZ * 6 // 10, dtype=np.int16)

    async def give(piece: bytes) -> None:
        given.append(piece)

    async def said() -> int:
        mouth = SpokenWhole(RATE_HZ)
        sending = asyncio.create_task(mouth.send(give))
        start = mouth.say(words)
        await mouth.said()
        await ended(sending)
        return start

    assert virtual_loop.finish(virtual_loop.create_task(said())) == 0
    assert b"".join(given) == words.astype("<i2").tobytes()
    assert virtual_loop.time() - START_S == pytest.approx(0.6)


def test_the_next_utterance_begins_in_the_callers_time(virtual_loop: VirtualLoop) -> None:
    async def next_start() -> int:
        mouth = SpokenWhole(RATE_HZ)
        mouth.say(np.ones(RATE_HZ // 10, np.int16))
        await mouth.said()
        return mouth.say(np.ones(80, np.int16))

    # Each is counted as spoken a tick before it was, but the first, which begins with the call.
    assert virtual_loop.finish(virtual_loop.create_task(next_start())) / RATE_HZ == pytest.approx(0.1 - TICK_S)
