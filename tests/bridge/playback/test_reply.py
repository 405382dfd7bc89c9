"""What was heard of a reply does not depend on how its sound came."""

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bridge.playback.reply import ReplyPlayback
from contracts import events as e
from contracts.audio import OutFrame

RATE_HZ = 24_000
TEXTS = ("One two, three.", " Four five six", " seven.")
SAMPLES = (9_000, 7_000, 3_000)
ENDS = ((3_000, 6_000, 9_000), (), (2_900,))


def in_frames(index: int, cuts: list[int]) -> list[OutFrame]:
    """Return a clause's sound, cut at these samples."""
    samples = SAMPLES[index]
    edges = sorted({0, samples, *(cut for cut in cuts if cut < samples)})
    return [
        OutFrame("r", index, first, RATE_HZ, bytes(2 * (end - first)), end == samples, ENDS[index] * (end == samples))
        for first, end in pairwise(edges)
    ]


def reply_of(frames: list[OutFrame]) -> ReplyPlayback:
    reply = ReplyPlayback("r")
    for index, text in enumerate(TEXTS):
        common = {"event_id": f"w{index}", "session_id": "s", "time_ns": 1}
        reply.clause(index).written = e.ReplyClauseWritten(**common, reply_id="r", index=index, text=text)
    for frame in frames:
        reply.add(frame, 1)
        reply.take()
    return reply


WHOLE = reply_of([frame for index in range(3) for frame in in_frames(index, [])])
CUTS = st.lists(st.lists(st.integers(1, 8_999), max_size=6), min_size=3, max_size=3)


@given(CUTS, st.integers(0, 2**32), st.integers(0, 20_000))
def test_the_heard_words_are_the_same_however_the_sound_is_cut_into_frames_and_in_whatever_order_those_come(
    cuts: list[list[int]], seed: int, played: int
) -> None:
    frames = [frame for index in range(3) for frame in in_frames(index, cuts[index])]
    random.Random(seed).shuffle(frames)
    assert reply_of(frames).heard(played) == WHOLE.heard(played)
