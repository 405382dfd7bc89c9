"""What is kept of a reply's sound: each sample once, no more than can be played, and where it is not silent."""

import numpy as np
import pytest

from actors.transcript.echo.replies import MOST_REPLY_S, MOST_SAMPLES, ReferenceReply
from contracts.audio import IN_SAMPLE_RATE_HZ, OutFrame

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


CLICK = 5000


WITH_IT = [(0, 16_000), (CLICK, CLICK + 1), (CLICK - 2000, CLICK + 2000), (-400, CLICK + 1), (CLICK, 20_000)]
WITHOUT = [(0, CLICK), (CLICK + 1, 16_000), (16_000, 17_000), (-9, -3), (7, 7)]


@pytest.mark.parametrize(("start", "end"), [*WITH_IT, *WITHOUT])
def test_a_reply_sounds_wherever_a_sample_of_it_is_not_silent(start: int, end: int) -> None:
    reply = ReferenceReply(IN_SAMPLE_RATE_HZ)
    pcm = np.zeros(16_000, "<i2")
    pcm[CLICK] = 1
    reply.add(OutFrame("r", 0, 0, IN_SAMPLE_RATE_HZ, pcm.tobytes(), True))
    assert reply.sounds(start, end) == ((start, end) in WITH_IT)
