"""What is kept of a reply's sound: each sample once, and no more than can be played."""

import numpy as np

from actors.transcript.echo.replies import MOST_REPLY_S, MOST_SAMPLES, ReferenceReply
from contracts.audio import OutFrame

RATE_HZ = 24_000
SECOND = np.full(RATE_HZ, 1000, "<i2").tobytes()


def _second(index: int, at_s: int, last: bool = False) -> OutFrame:
    return OutFrame("r", index, at_s * RATE_HZ, RATE_HZ, SECOND, last)


def test_sound_that_was_taken_is_not_kept_a_second_time() -> None:
    reply = ReferenceReply(RATE_HZ)
    for at_s in range(10):
        reply.add(_second(0, at_s, last=at_s == 9))
        reply.add(_second(0, at_s))  # and once more
    reply.add(_second(1, 0))
    assert reply.waiting_bytes == 0
    assert abs(reply.length - 11 * 16_000) < 800, "what the resampler holds back"


def test_a_clause_that_never_comes_lets_no_more_wait_for_it_than_can_be_played() -> None:
    reply = ReferenceReply(RATE_HZ)
    for at_s in range(2 * MOST_REPLY_S):
        reply.add(_second(1, at_s))
    assert reply.waiting_bytes <= MOST_REPLY_S * len(SECOND)
    assert reply.length == 0
    reply.add(_second(0, 0, last=True))
    assert reply.length <= MOST_SAMPLES + 16_000
    assert reply.waiting_bytes == 0
