import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from actors.transcript.sound import KEEP_SAMPLES, KEEP_TIMES_SAMPLES, MAX_GAP_SAMPLES, TRIM_SAMPLES, TrackSound
from contracts.audio import InFrame


def frame(first: int, samples: int = 320, value: int | None = None) -> InFrame:
    pcm = np.arange(first, first + samples) % 30_000 if value is None else np.full(samples, value)
    return InFrame("t-1", first, 1000 + first, pcm.astype("<i2").tobytes())


def test_frames_become_whole_windows_aligned_to_the_track() -> None:
    sound = TrackSound(0)
    for first in range(0, 1600, 320):
        assert sound.add(frame(first))
    first, windows = sound.take(10)
    assert (first, len(windows)) == (0, 1536)
    assert sound.take(10)[1].size == 0
    assert windows.tolist() == list(range(1536))


def test_a_gap_becomes_silence_of_the_same_length() -> None:
    sound = TrackSound(0)
    sound.add(frame(0, value=7))
    sound.add(frame(960, value=7))
    assert sound.cut(0, 2000).tolist() == [7] * 320 + [0] * 640 + [7] * 320


def test_a_frame_far_beyond_what_is_kept_is_refused() -> None:
    sound = TrackSound(0)
    assert not sound.add(frame(MAX_GAP_SAMPLES + 1))
    assert sound.end == 0


def test_the_time_of_a_sample_is_that_of_its_frame() -> None:
    sound = TrackSound(0)
    for first in (0, 320, 640):
        sound.add(frame(first))
    assert sound.received_ns(319) == 1000
    assert sound.received_ns(320) == 1320
    assert sound.received_ns(10_000) == 1640


def test_old_sound_is_let_go_and_recent_sound_kept() -> None:
    sound = TrackSound(0)
    for first in range(0, 3 * KEEP_SAMPLES, 16_000):
        sound.add(frame(first, 16_000))
        sound.take(100)
    end = sound.handled
    assert sound.cut(0, 100).size == 0
    assert sound.cut(end - 1000, end).tolist() == [n % 30_000 for n in range(end - 1000, end)]


MOST_SAMPLES = KEEP_SAMPLES + 2 * TRIM_SAMPLES
"""What a track has room for, however long it lasts: what is kept until it is trimmed, and room for what comes next."""


def test_a_track_holds_no_more_the_longer_it_lasts() -> None:
    sound, room = TrackSound(0), []
    for first in range(0, 900 * 16_000, 16_000):
        sound.add(frame(first, 16_000))
        sound.take(100)
        room.append(sound.held_samples)
    assert max(room[60:]) <= MOST_SAMPLES
    assert len(sound._frame_starts) <= 2 * KEEP_TIMES_SAMPLES // 16_000 + 2


def test_the_room_of_a_long_gap_is_given_back() -> None:
    sound = TrackSound(0)
    sound.add(frame(0))
    sound.add(frame(MAX_GAP_SAMPLES))
    while len(sound.take(16)[1]):
        pass
    sound.add(frame(MAX_GAP_SAMPLES + 320))
    sound.take(16)
    assert sound.held_samples <= MOST_SAMPLES


def test_the_time_of_a_sample_is_known_for_longer_than_its_sound() -> None:
    sound = TrackSound(0)
    for first in range(0, 300 * 16_000, 16_000):
        sound.add(frame(first, 16_000))
        sound.take(100)
    asked = sound.handled - KEEP_TIMES_SAMPLES
    assert asked < sound.handled - KEEP_SAMPLES
    assert sound.received_ns(asked) == 1000 + asked // 16_000 * 16_000


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 3)), max_size=30))
def test_repeated_and_overlapping_frames_change_nothing(frames: list[tuple[int, int]]) -> None:
    sound = TrackSound(0)
    known = 0
    for place, length in frames:
        first = min(place * 160, known)
        sound.add(frame(first, length * 160))
        known = max(known, first + length * 160)
    assert sound.end == known
    assert sound.cut(0, known).tolist() == list(range(known))
