import asyncio
from collections.abc import Iterator

import numpy as np
import pytest

from infra.caller.spoken_whole import TICK_S, SpokenWhole
from infra.process.tasks import ended
from infra.process.virtual_loop import VirtualLoop

RATE_HZ = 8_000


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop(at_s=100)
    yield loop
    loop.end()


def test_an_utterance_is_handed_over_whole_and_takes_its_time_to_be_said(loop: VirtualLoop) -> None:
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

    assert loop.finish(loop.create_task(said())) == 0
    assert b"".join(given) == words.astype("<i2").tobytes()
    assert loop.time() - 100 == pytest.approx(0.6)


def test_the_next_utterance_begins_in_the_callers_time(loop: VirtualLoop) -> None:
    async def next_start() -> int:
        mouth = SpokenWhole(RATE_HZ)
        mouth.say(np.ones(RATE_HZ // 10, np.int16))
        await mouth.said()
        return mouth.say(np.ones(80, np.int16))

    # Each is counted as spoken a tick before it was, but the first, which begins with the call.
    assert loop.finish(loop.create_task(next_start())) / RATE_HZ == pytest.approx(0.1 - TICK_S)
