"""The sound of a reply on its way to the room: frames, positions, and what was heard of it."""

import numpy as np

from bridge.livekit.reply_sound import RoomReplySound

FRAME = 960
TICK = 240


def sound(samples: int, value: int = 1000) -> bytes:
    return np.full(samples, value, "<i2").tobytes()


def handed(reply: RoomReplySound) -> int:
    count = 0
    while reply.frame() is not None:
        count += 1
    return count


def test_frames_are_whole_until_all_has_come() -> None:
    reply = RoomReplySound("r", 24_000, 24_000)
    reply.add(sound(FRAME + 100))
    assert handed(reply) == 1
    reply.complete(FRAME + 100)
    last = reply.frame()
    assert last is not None
    assert len(last) == TICK * 2
    assert np.frombuffer(last, "<i2")[99:101].tolist() == [1000, 0]
    assert reply.handed_over
    assert reply.heard_samples(0) == FRAME + 100


def test_what_has_come_is_handed_on_without_waiting_for_a_whole_frame() -> None:
    reply = RoomReplySound("r", 24_000, 24_000)
    reply.add(sound(TICK * 3 + 100))
    part = reply.frame()
    assert part is not None
    assert len(part) == TICK * 3 * 2
    assert reply.frame() is None


def test_what_waits_in_the_source_is_not_heard_yet_and_comes_again_after_a_pause() -> None:
    reply = RoomReplySound("r", 24_000, 24_000)
    reply.add(sound(FRAME * 10))
    for _ in range(5):
        reply.frame()
    assert reply.heard_samples(0.08) == FRAME * 3
    reply.go_back(0.08)
    assert reply.heard_samples(0) == FRAME * 3
    assert handed(reply) == 7


def test_it_begins_with_the_first_sample_that_is_no_silence() -> None:
    reply = RoomReplySound("r", 24_000, 24_000)
    reply.add(sound(FRAME, 0) + sound(FRAME * 3))
    reply.frame()
    assert not reply.is_audible(0)
    reply.frame()
    assert not reply.is_audible(0.04)
    assert reply.is_audible(0)


def test_another_rate_is_counted_in_its_own_samples() -> None:
    reply = RoomReplySound("r", 22_050, 24_000)
    reply.add(sound(22_050))
    reply.complete(22_050)
    assert 25 <= handed(reply) <= 26
    assert reply.heard_samples(0) == 22_050
    assert abs(reply.heard_samples(0.5) - 11_025) < 500


def test_a_long_reply_is_not_kept_whole() -> None:
    reply = RoomReplySound("r", 24_000, 24_000)
    for _ in range(3000):
        reply.add(sound(FRAME))
        reply.frame()
        reply.heard_samples(0.04)
    assert len(reply._pcm) < 5 * 24_000 * 2
    assert reply.heard_samples(0) == 3000 * FRAME


def test_a_reply_of_which_no_sound_was_ever_made_has_no_rate_and_ends_at_once() -> None:
    reply = RoomReplySound("r", 0, 24_000)
    reply.complete(0)
    assert reply.frame() is None
    assert reply.handed_over
    assert reply.heard_samples(0) == 0
