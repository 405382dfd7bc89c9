"""Where the sound of people is placed, whatever the network and their clocks do."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.persistence.recording.people_sound import TrackPlacing, mixed
from contracts.audio import InFrame

FRAME = 320


def _track(seconds: float) -> npt.NDArray[np.int16]:
    return np.arange(1, int(seconds * 16_000) + 1).astype(np.int16) | 1


def _placed(sound: npt.NDArray[np.int16], received_at: list[int], earliest: int = 0) -> TrackPlacing:
    """Place a track whose frames came in at these positions; some seconds behind, as the recorder does."""
    track = TrackPlacing(earliest)
    for index, at in enumerate(received_at):
        first = index * FRAME
        track.add(InFrame("t", first, 0, sound[first : first + FRAME].tobytes()), at)
        if index % 100 == 99:
            track.place(at)
    track.place(received_at[-1], all_of_it=True)
    return track


def _on_time(frames: int, delay: int = 0) -> list[int]:
    return [(index + 1) * FRAME + delay for index in range(frames)]


@settings(max_examples=50)
@given(st.lists(st.lists(st.integers(0, 4800), min_size=20, max_size=20), min_size=3, max_size=3))
def test_frames_that_the_network_delays_lie_as_the_quickest_within_a_second_says(bursts: list[list[int]]) -> None:
    on_time_again = [0] * 20  # each frame waits for those before it: 15 of these are late, too
    jitter = [late for burst in bursts for late in [*burst, *on_time_again]]
    sound = _track(2.4)
    came: list[int] = []
    for at, late in zip(_on_time(120, delay=1600), jitter, strict=True):
        came.append(max(at + late, came[-1] if came else 0))
    track = _placed(sound, came)
    assert track.offset == 1600
    np.testing.assert_array_equal(mixed([track], 1600, 1600 + len(sound)), sound)


def test_a_lost_frame_is_silence_and_a_repeated_one_changes_nothing() -> None:
    sound = _track(1)
    track = TrackPlacing()
    for index in (0, 1, 1, 3, 2, 4):
        first = index * FRAME
        track.add(InFrame("t", first, 0, sound[first : first + FRAME].tobytes()), first + FRAME)
    track.place(0, all_of_it=True)
    expected = sound[: 5 * FRAME].astype(np.int32)
    expected[2 * FRAME : 3 * FRAME] = 0
    np.testing.assert_array_equal(mixed([track], 0, 5 * FRAME), expected)


def test_a_network_that_stands_still_for_seconds_moves_nothing() -> None:
    came = _on_time(500)
    came[200:300] = [came[300]] * 100
    track = _placed(_track(10), came)
    assert {piece.position - index * FRAME for index, piece in enumerate(track.sound)} == {0}


def test_a_page_that_slept_leaves_silence_where_it_slept() -> None:
    came = _on_time(500)
    came[250:] = [at + 32_000 for at in came[250:]]
    track = _placed(_track(10), came)
    gaps = [after.position - before.end for before, after in pairwise(track.sound)]
    assert sorted(gaps)[-2:] == [0, 32_000]


@pytest.mark.parametrize("ppm", [-300, 300])
def test_a_clock_that_drifts_stays_within_a_twentieth_of_a_second(ppm: int) -> None:
    came = [round(at * (1 + ppm / 1e6)) for at in _on_time(30_000)]
    track = _placed(np.ones(30_000 * FRAME, np.int16), came)
    errors = [piece.end - at for piece, at in zip(track.sound, came, strict=True)]
    assert max(map(abs, errors)) <= 16 * 50


def test_sound_that_comes_faster_than_time_lies_one_after_the_other() -> None:
    came = [10_000 + at // 20 for at in _on_time(500)]
    track = _placed(_track(10), came, earliest=9_000)
    assert next(iter(track.sound)).position >= 9_000
    overlaps = sum(max(0, before.end - after.position) for before, after in pairwise(track.sound))
    assert overlaps <= 0.03 * 160_000


def test_sound_before_a_position_is_forgotten() -> None:
    track = _placed(_track(2), _on_time(100))
    track.forget(16_000)
    assert next(iter(track.sound)).end >= 16_000


def test_samples_that_did_not_come_are_counted_once() -> None:
    sound = _track(1)
    track = TrackPlacing()
    for index in (2, 3, 3, 2, 6):
        first = index * FRAME
        track.add(InFrame("t", first, 0, sound[first : first + FRAME].tobytes()), first + FRAME)
    assert track.missing == 4 * FRAME


def test_what_an_earlier_recorder_has_written_is_not_missing() -> None:
    track = TrackPlacing(offset=800, written_to=800 + 4 * FRAME)
    track.add(InFrame("t", 4 * FRAME, 0, bytes(2 * FRAME)), 0)
    assert track.missing == 0
    later = TrackPlacing(offset=800, written_to=800 + 4 * FRAME)
    later.add(InFrame("t", 5 * FRAME, 0, bytes(2 * FRAME)), 0)
    assert later.missing == FRAME
