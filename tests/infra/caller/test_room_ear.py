import numpy as np
import pytest

from infra.caller.room_ear import Announced, RoomEar, Stretch, onsets

RATE_HZ = 24_000
FRAME_S = 0.01


def hear(ear: RoomEar, from_s: float, to_s: float, level: int, late_s: float = 0) -> None:
    for number in range(round((to_s - from_s) / FRAME_S)):
        ear.hear(from_s + number * FRAME_S + late_s, np.full(240, level, np.int16))


def test_sound_is_heard_from_its_first_sample_that_is_not_silent() -> None:
    ear = RoomEar(RATE_HZ)
    frame = np.zeros(240, np.int16)
    frame[120:] = 5000
    ear.announce("r", "t", 0.9)
    ear.hear(1.0, frame)
    hear(ear, 1.01, 1.5, 5000)
    ear.end("r", 1.5, False)
    (reply,) = ear.heard_replies()
    assert reply.started_at_s == pytest.approx(1.005)
    assert reply.played_samples == pytest.approx(0.495 * RATE_HZ, abs=2)


def test_noise_of_the_coding_is_no_sound() -> None:
    ear = RoomEar(RATE_HZ)
    hear(ear, 0, 1, 200)
    assert ear.stretches == []
    assert ear.heard_samples == 0


def test_a_short_silence_is_between_words_and_a_long_one_between_stretches() -> None:
    ear = RoomEar(RATE_HZ)
    for from_s, to_s, level in ((0, 0.3, 5000), (0.3, 0.4, 0), (0.4, 0.6, 5000), (0.6, 1, 0), (1, 1.2, 5000)):
        hear(ear, from_s, to_s, level)
    assert [(round(one.start_s, 2), round(one.end_s, 2)) for one in ear.stretches] == [(0, 0.6), (1, 1.2)]


def test_a_reply_is_the_first_stretch_since_it_was_announced_that_is_not_an_earlier_ones() -> None:
    replies = [Announced("a", "t0", 1.0, 2.0), Announced("b", "t1", 3.0, 4.0)]
    heard = [Stretch(0.2, 0.5), Stretch(1.06, 1.4), Stretch(1.6, 2.05), Stretch(2.95, 4.02)]
    assert onsets(replies, heard) == [1.06, 2.95]


def test_a_reply_that_was_never_heard_has_no_onset() -> None:
    replies = [Announced("a", "t0", 1.0, 1.2), Announced("b", "t1", 3.0)]
    assert onsets(replies, [Stretch(3.1, 4)]) == [None, 3.1]
    assert onsets(replies, []) == [None, None]


def test_a_reply_right_behind_another_was_heard_when_it_was_announced() -> None:
    replies = [Announced("a", "t0", 1.0, 2.0), Announced("b", "t1", 2.0)]
    assert onsets(replies, [Stretch(1.1, 4)]) == [1.1, 2.0]


def test_a_reply_is_playing_until_its_end_was_reported_and_has_been_heard() -> None:
    ear = RoomEar(RATE_HZ)
    assert not ear.begun
    assert not ear.playing
    ear.announce("r", "t", 0)
    assert ear.playing
    hear(ear, 0.05, 1.05, 5000)
    assert ear.playing_ms() == pytest.approx(990, abs=20)
    ear.end("r", 1.0, interrupted=True)
    assert ear.playing  # the last words are on their way
    assert ear.playing_ms() == 0
    hear(ear, 1.05, 1.5, 0)
    assert not ear.playing
    assert ear.heard_replies()[0].stopped


def test_frames_that_come_unevenly_are_one_line_and_a_late_one_leaves_a_hole() -> None:
    ear = RoomEar(RATE_HZ)
    hear(ear, 0.5, 0.6, 5000)
    hear(ear, 0.6, 0.7, 5000, late_s=0.03)
    hear(ear, 1.0, 1.1, 5000)
    loud = np.flatnonzero(ear.answer(1.2).samples)
    assert len(loud) == round(0.3 * RATE_HZ)
    assert (loud[0], loud[-1] + 1) == (12_000, 26_400)
    assert len(ear.answer(0.55).samples) == round(0.55 * RATE_HZ)


def test_frames_that_a_busy_machine_hands_on_late_and_together_are_where_they_would_have_been() -> None:
    ear = RoomEar(RATE_HZ)
    frame = np.full(RATE_HZ // 100, 5000, np.int16)
    for number in range(60):
        held_up = 0.8 if 0.5 <= number / 100 + 0.5 < 0.8 else 0.0
        ear.hear(max(0.5 + number / 100, held_up), frame)
    loud = np.flatnonzero(ear.answer(1.5).samples)
    assert abs(loud[-1] + 1 - round(1.1 * RATE_HZ)) <= 1


def test_an_opener_is_told_of_after_it_was_heard_and_is_not_taken_for_the_answer() -> None:
    ear = RoomEar(RATE_HZ)
    hear(ear, 1.0, 1.3, 5000)
    ear.announce("o", "t", 0.98)
    ear.end("o", 1.28, interrupted=False)
    ear.announce("r", "t", 1.5)
    hear(ear, 1.5, 2.0, 5000)
    assert [reply.started_at_s for reply in ear.heard_replies()] == [pytest.approx(1.0), pytest.approx(1.5)]
    assert ear.playing_ms() == pytest.approx(490, abs=20)
