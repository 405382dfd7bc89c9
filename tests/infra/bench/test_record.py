"""`daredevil bench record`: letters are found again in a sound, and distances between the record and the ear told."""

from dataclasses import replace

import numpy as np
import pytest
import soxr

from contracts import events as e
from infra.bench.found_sound import LetterPlace, Searched
from infra.bench.marked_voice import ANSWER, LETTER_SAMPLES, RATE_HZ, LetterMark, bare, marks_of, sound_of
from infra.bench.record import _waited_s
from infra.bench.record_distance import Evidence, figures_of
from infra.export.conversation import conversation_of
from infra.export.formats import to_srt
from tests.infra.export.a_call import PROFILE, START_NS

TEXT = "Morning brings water."
LETTER_S = LETTER_SAMPLES / RATE_HZ


def test_no_word_of_the_answer_is_there_twice() -> None:
    words = [bare(word) for word in ANSWER.split()]
    assert len(words) == len(set(words))


def test_letters_are_found_where_they_are_in_noise_and_at_any_rate() -> None:
    line = np.random.default_rng(1).integers(-2000, 2000, 5 * RATE_HZ).astype(np.int16)
    sound = sound_of(TEXT)
    line[RATE_HZ : RATE_HZ + len(sound)] += sound
    for rate_hz, step in ((RATE_HZ, 1), (RATE_HZ // 2, 2)):
        found = Searched(line[::step], rate_hz).places(marks_of(TEXT))
        assert len(found) == len("morningbringswater")
        for mark, place in found.items():
            assert place.at_s == pytest.approx(1 + mark.first / RATE_HZ, abs=0.001)
            assert not place.again


@pytest.mark.parametrize("later", range(6))
def test_a_letter_between_two_samples_of_the_search_is_found_whole(later: int) -> None:
    line = np.concatenate([np.zeros(48_000 + later, np.int16), soxr.resample(sound_of("water"), RATE_HZ, 48_000)])
    for mark, place in Searched(line, 48_000).places(marks_of("water")).items():
        assert place.at_s == pytest.approx(1 + later / 48_000 + mark.first / RATE_HZ, abs=0.000_02)
        assert place.alike > 0.9


def test_a_letter_that_is_not_there_is_not_found_and_one_that_is_there_twice_is_reported() -> None:
    sound = sound_of("water")
    line = np.concatenate([sound, np.zeros(RATE_HZ, np.int16), sound[:LETTER_SAMPLES]])
    found = Searched(line, RATE_HZ)
    places = found.places(marks_of("water"))
    assert [mark.letter for mark, place in places.items() if place.again] == [0]
    assert found.places(marks_of("Brings.")) == {}
    assert Searched(np.zeros(10, np.int16), RATE_HZ).place_of(next(marks_of("a"))) is None


def test_a_letter_in_many_pieces_is_there_though_not_at_one_place() -> None:
    sound = sound_of("water")
    gap = np.zeros(RATE_HZ // 20, np.int16)
    pieces = np.split(sound[:LETTER_SAMPLES], 6)
    line = np.concatenate([*(part for piece in pieces for part in (piece, gap)), sound[LETTER_SAMPLES:]])
    first, *others = marks_of("water")
    found = Searched(line, RATE_HZ)
    assert found.place_of(first) is None
    assert found.has_part_of(first)
    assert list(found.places(others)) == others
    assert not any(found.has_part_of(mark) for mark in marks_of("Brings."))


def _evidence(**changed: dict[LetterMark, LetterPlace]) -> Evidence:
    """A call whose record is true: all letters were heard from the first second on."""
    names = {"session_id": "s", "turn_id": "t", "reply_id": "r"}
    marks = list(marks_of(TEXT))
    ends = tuple(LETTER_SAMPLES * count for count in (7, 13, 18))
    sound = {"index": 0, "text": TEXT, "samples": ends[-1], "sample_rate_hz": RATE_HZ, "word_end_samples": ends}
    heard = {"heard_text": TEXT, "played_samples": ends[-1]}
    second = START_NS + 1_000_000_000
    facts: list[e.Event] = [
        e.SessionOpened(
            event_id="1", session_id="s", time_ns=START_NS, door="websocket", user_id="sam", profile=PROFILE
        ),
        e.ReplyStarted(event_id="2", time_ns=START_NS, text="?", **names),
        e.ClauseSynthesized(event_id="3", time_ns=START_NS, **sound, **names),
        e.PlaybackStarted(event_id="4", time_ns=second, heard_ns=second, **names),
        e.PlaybackFinished(event_id="5", time_ns=second * 2, **heard, **names),
    ]
    places = {mark: LetterPlace(1 + mark.first / RATE_HZ) for mark in marks}
    told = {"ear": places, "recorded": dict(places)} | changed
    return Evidence(marks, told["ear"], told["recorded"], facts, to_srt(conversation_of(facts)))


def test_a_true_record_is_at_no_distance() -> None:
    figures = figures_of("true", "s", _evidence())
    assert figures.max_ms <= 1
    assert (figures.recording.places, figures.words.places, figures.captions.places) == (18, 6, 2)
    assert (figures.lost, figures.added, figures.doubled) == (0, 0, 0)


def test_what_the_ear_had_later_lost_or_never_is_reported() -> None:
    true = _evidence()
    late = {mark: replace(place, at_s=place.at_s + 0.25 * (mark.word == 2)) for mark, place in true.ear.items()}
    figures = figures_of("late", "s", _evidence(ear=late))
    assert (figures.recording.max_ms, figures.words.max_ms, figures.captions.max_ms) == (250, 250, 250)
    cut = {mark: place for mark, place in true.ear.items() if mark.word < 2}
    figures = figures_of("cut", "s", _evidence(ear=cut))
    assert (figures.added, figures.heard_text.max_ms) == (5, 5 * LETTER_S * 1000)
    pieces = [mark for mark in true.ear if mark.word == 2][1:]
    assert figures_of("in pieces", "s", replace(_evidence(ear=cut), in_pieces=pieces)).added == 1


def test_in_a_room_the_way_to_the_ear_is_told_apart() -> None:
    later = {mark: replace(place, at_s=place.at_s + 0.18) for mark, place in _evidence().ear.items()}
    figures = figures_of("room", "s", _evidence(ear=later), without_delay=True)
    assert figures.delay_ms == 180
    assert figures.max_ms <= 1


def test_sound_that_waited_longer_in_the_buffer_of_the_ear_is_not_further_from_the_record() -> None:
    waited = [(1.0, 0.03), (2.0, 0.09)]
    assert [_waited_s(waited, at_s) for at_s in (0.5, 1.0, 1.5, 9.0)] == [0.03, 0.03, 0.09, 0.09]
    assert _waited_s([], 1.0) == 0


@pytest.mark.parametrize("cut_percent", range(10, 100, 10))
@pytest.mark.parametrize("twice_percent", [0, 60, 100])
def test_a_letter_counts_as_doubled_if_more_than_a_piece_of_it_is_repeated_not_if_a_break_splits_it(
    cut_percent: int, twice_percent: int
) -> None:
    sound, first = sound_of(TEXT), 9 * LETTER_SAMPLES
    cut = first + LETTER_SAMPLES * cut_percent // 100
    again = cut - min(LETTER_SAMPLES * twice_percent // 100, cut)
    line = np.concatenate([sound[:cut], np.zeros(RATE_HZ, np.int16), sound[again:]])
    recorded = Searched(line, RATE_HZ).places(marks_of(TEXT))
    assert len(recorded) == len("morningbringswater")
    figures = figures_of("split", "s", _evidence(recorded=recorded))
    assert (figures.lost, figures.added, figures.doubled > 0) == (0, 0, twice_percent > 0)
