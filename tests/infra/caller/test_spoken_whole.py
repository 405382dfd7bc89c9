import asyncio

import numpy as np

from infra.caller.spoken_whole import TICK_S, SpokenWhole

RATE_HZ = 8_000


async def test_an_utterance_is_handed_over_whole_and_takes_its_time_to_be_said() -> None:
    given: list[bytes] = []
    mouth = SpokenWhole(RATE_HZ)

    async def give(piece: bytes) -> None:
        given.append(piece)

    sending = asyncio.create_task(mouth.send(give))
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    words = np.arange(RATE_HZ * 6 // 10, dtype=np.int16)
    start = mouth.say(words)
    await mouth.said()
    took_s = loop.time() - began_s
    sending.cancel()
    assert start == 0
    assert b"".join(given) == words.astype("<i2").tobytes()
    assert 0.6 - 2 * TICK_S <= took_s < 1.5


async def test_the_next_utterance_begins_in_the_callers_time() -> None:
    mouth = SpokenWhole(RATE_HZ)
    mouth.say(np.ones(RATE_HZ // 10, np.int16))
    await mouth.said()
    start = mouth.say(np.ones(80, np.int16))
    assert 0.1 - 2 * TICK_S <= start / RATE_HZ < 1
