"""Where speech is cut for recognition, and how much of it may be recognised twice."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from actors.transcript.pieces import (
    CUT_PAUSE_SAMPLES,
    EXTRA_SHARE,
    LONGEST_SAMPLES,
    PAUSE_ALLOWANCE_SAMPLES,
    QUIETEST_BEFORE_SAMPLES,
    SHORTEST_PIECE_SAMPLES,
    RecognitionLoad,
    is_cut_at,
    may_settle,
    quietest,
)

S = 16_000


def test_a_natural_pause_cuts_from_three_seconds_on() -> None:
    assert is_cut_at(RecognitionLoad(), 4 * S, CUT_PAUSE_SAMPLES)
    assert not is_cut_at(RecognitionLoad(), 2 * S, CUT_PAUSE_SAMPLES)
    assert not is_cut_at(RecognitionLoad(), 10 * S, CUT_PAUSE_SAMPLES - 512)


def test_a_short_piece_is_cut_when_too_much_was_recognised_twice() -> None:
    assert is_cut_at(RecognitionLoad(kept=2 * S, extra=6 * S), int(1.5 * S), CUT_PAUSE_SAMPLES)
    assert not is_cut_at(RecognitionLoad(kept=2 * S, extra=6 * S), S // 2, CUT_PAUSE_SAMPLES)


def test_a_pause_is_tried_at_once_in_an_ordinary_turn_and_later_when_it_has_proved_none_too_often() -> None:
    assert may_settle(RecognitionLoad(), 2 * S, 512)
    assert not may_settle(RecognitionLoad(extra=4 * S), 2 * S, 512)
    assert may_settle(RecognitionLoad(extra=4 * S), 2 * S, CUT_PAUSE_SAMPLES)


@given(st.lists(st.tuples(st.integers(0, 13 * S), st.sampled_from([512, 1024, 2048, 4096])), min_size=1))
def test_however_speech_pauses_little_of_it_is_recognised_twice(pauses: list[tuple[int, int]]) -> None:
    load, piece, speech = RecognitionLoad(), 0, 0
    for length, pause in pauses:
        piece, speech = min(piece + length, LONGEST_SAMPLES), speech + length
        if not may_settle(load, piece, 512) and pause < CUT_PAUSE_SAMPLES:
            continue
        if is_cut_at(load, piece, pause):
            load.kept, piece = load.kept + piece, 0
        else:
            load.extra += piece
    short = len(pauses) * SHORTEST_PIECE_SAMPLES  # what is shorter than a piece is tried again each time
    assert load.extra <= EXTRA_SHARE * (load.kept + piece) + PAUSE_ALLOWANCE_SAMPLES + short


@given(st.integers(0, 5 * S))
def test_speech_without_a_pause_is_cut_at_its_quietest_place(place: int) -> None:
    rng = np.random.default_rng(place)
    samples = rng.normal(0, 3000, LONGEST_SAMPLES).astype(np.int16)
    at = LONGEST_SAMPLES - QUIETEST_BEFORE_SAMPLES - 2000 - place
    samples[at : at + 1600] //= 10
    assert at <= quietest(samples) <= at + 1600


def test_a_flat_sound_is_cut_late_and_a_short_one_at_its_end() -> None:
    flat = np.zeros(LONGEST_SAMPLES, np.int16)
    assert quietest(flat) >= LONGEST_SAMPLES - QUIETEST_BEFORE_SAMPLES - 2000
    assert quietest(flat[:100]) == 100
