"""Labelled pauses, what policies do to them, and weights fitted to them."""

import json
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.transcript.patience import TurnWeights, weights_in
from contracts import events as e
from infra.bench.json_list import BadList
from infra.bench.turn_events import TurnEvent, as_plain, events_of_log, read_events, with_joints
from infra.bench.turn_fit import TooFewEvents, chosen, decided, fitted, held_out_scores
from infra.bench.turns import area, at_once, policy_figures, refitted, turns_figures

MS = 1_000_000


def event(number: int, is_end: bool, probability: float | None, speaker: str = "a", **more: object) -> TurnEvent:
    fields = {"kind": "test", "after_sentence": False, "text": "where is the next station", "pause_ms": None} | more
    return TurnEvent(f"e{number}", speaker, is_end=is_end, end_probability=probability, **fields)  # type: ignore[arg-type]


def some(count: int = 240) -> list[TurnEvent]:
    """Return events in which a probability tells ends from pauses, mostly."""
    chance = random.Random(3)
    found = []
    for number in range(count):
        is_end = number % 2 == 0
        probability = min(0.99, max(0.01, chance.gauss(0.7 if is_end else 0.2, 0.2)))
        found.append(event(number, is_end, probability, f"s{number % 12}"))
    return found


def test_a_file_comes_back_as_it_was_written_and_a_bad_one_is_told(tmp_path: Path) -> None:
    events = [event(1, True, 0.5), event(2, False, None, after_sentence=True, pause_ms=300.0, pauses=(5,))]
    (tmp_path / "events.json").write_text(json.dumps([as_plain(each) for each in events]))
    assert read_events(tmp_path) == read_events(tmp_path / "events.json") == events
    for text in ("", "{}", "[]", '[{"id": 1}]', json.dumps([as_plain(events[0]) | {"place": "somewhere"}])):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(BadList):
            read_events(tmp_path / "bad.json")
    with pytest.raises(BadList, match=r"none\.json cannot be read: No such file"):
        read_events(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nothing", "is no JSON: Expecting value"),
        ('{"id": 1}', "must hold a list of events"),
        ("[]", "must hold a list of events"),
        ('[{"id": 1}]', "entry 0 has no 'spk': an event has `id`, `spk`, `label` and `text`"),
        ("[[1]]", "entry 0 is no JSON object"),
        ("[" * 60_000, "is no JSON: maximum recursion depth"),
        ('[{"id": 1, "spk": "a", "label": "end", "text": "x"}]', "entry 0 cannot be used: invalid literal"),
        ('[{"id": 1, "spk": "a", "label": NaN, "text": "x"}]', "entry 0 cannot be used: cannot convert float NaN"),
        ('[{"id": 1, "spk": "a", "label": Infinity, "text": "x"}]', "entry 0 cannot be used: cannot convert float inf"),
        ('[{"id": 1, "spk": "a", "label": 1, "text": "x", "end_probability": "likely"}]', "entry 0 cannot be used"),
        ('[{"id": 1, "spk": "a", "label": 1, "text": "x", "end_probability": 7.5}]', "which is no probability"),
    ],
)
def test_which_event_is_wrong_is_said(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "events.json").write_text(text)
    with pytest.raises(BadList, match=re.escape(problem)):
        read_events(tmp_path)


def test_numbered_pauses_of_a_recording_say_where_the_speaker_had_paused() -> None:
    texts = ("My number is.", "My number is. Five five.", "My number is. Five five. Nine.")
    events = [TurnEvent(f"call#{n}", "a", "test", n == 2, False, text) for n, text in enumerate(texts)]
    assert [each.pauses for each in with_joints(events)] == [(), (13,), (13, 24)]


def test_figures_say_how_long_ends_wait_and_which_pauses_are_answered() -> None:
    events = [
        event(1, True, 0.9),
        event(2, True, 0.1),
        event(3, False, 0.9, pause_ms=500.0),
        event(4, False, 0.1, pause_ms=1_500.0),
        event(5, False, 0.9, after_sentence=True),
    ]
    figures = policy_figures(events, lambda each: 200 if (each.end_probability or 0) > 0.5 else 1100, 200)
    assert (figures.ends, figures.pauses, figures.at_once, figures.mean_ms) == (2, 2, 0.5, 650)
    assert (figures.cut_600, figures.cut_1000, figures.cut_real, figures.cut_sentence_600) == (0.5, 0.5, 1.0, 1.0)


def test_the_area_counts_ties_half_and_the_share_at_once_keeps_to_its_limit() -> None:
    assert area(np.array([3.0, 1.0, 2.0, 2.0]), [True, False, True, False]) == pytest.approx(0.875)
    found = np.array([float(n) for n in range(40)])
    ends = [n >= 20 for n in range(40)]
    assert at_once(found, ends, 0.05) == 1.0
    assert area(found, ends) == 1.0


def test_fitted_weights_tell_ends_from_pauses_of_speakers_that_they_have_not_seen() -> None:
    events = some()
    weights = fitted(events)
    assert weights["end"] > 0
    found = held_out_scores(events)
    assert area(found, [each.is_end for each in events]) > 0.9
    after = refitted(events, weights_in(""), "a test")
    figures = turns_figures(events, after)
    balanced = figures.held_out["balanced"]
    assert balanced.cut_600 < 0.12
    assert balanced.at_once > 0.4
    assert figures.area is not None
    assert figures.area.low <= figures.area.value <= figures.area.high
    assert [point.ends_at_once for point in figures.curve] == sorted(point.ends_at_once for point in figures.curve)
    assert TurnWeights.read(after.as_json()) == after


def test_a_question_that_is_taken_for_whole_is_answered_at_once_by_held_out_weights_too() -> None:
    def held_out(mark: str) -> dict[str, float]:
        unsure = [event(900 + n, True, 0.26, f"s{n}", text=f"where is the next station{mark}") for n in range(12)]
        found = turns_figures(some() + unsure, weights_in("")).held_out
        return {patience: round(each.at_once * each.ends) for patience, each in found.items()}

    stated, asked = held_out("."), held_out("?")
    assert {patience: asked[patience] - stated[patience] for patience in asked} == {
        "quick": 12,
        "balanced": 12,
        "patient": 0,
    }


def test_words_that_are_waited_for_whatever_their_score_count_as_not_answered_at_once() -> None:
    events = [
        event(1, True, 0.9),
        event(2, False, 0.9, text="My number is five five five."),
        event(3, False, 0.9, text="I want to, um,"),
        event(4, True, 0.9, text="Hello."),
    ]
    found = decided(events, np.full(4, 2.0))
    assert found.tolist() == [2.0, -1000.0, -1000.0, -1000.0]
    assert at_once(found, [each.is_end for each in events], 0.0) == 0.5


def test_thresholds_are_chosen_among_the_pauses_that_the_score_decides() -> None:
    base = weights_in("")
    pauses = [event(n, False, 0.5) for n in range(50)]
    found = np.array([n / 10 for n in range(50)])
    waited_for = [event(100 + n, False, 0.5, text="five six seven") for n in range(50)]
    alone = chosen(pauses, found, base)["quick"].sure
    # Of a hundred pauses ten may be answered at once, and none of these fifty is, however high its score.
    among_others = chosen(pauses + waited_for, np.concatenate([found, np.full(50, 9.0)]), base)["quick"].sure
    assert alone == pytest.approx(4.41)
    assert among_others == pytest.approx(3.91)


def test_a_pause_after_a_question_leaves_a_threshold_that_scores_can_reach() -> None:
    pauses = [event(n, False, 0.5) for n in range(10)] + [event(10, False, 0.5, text="Is there a pharmacy?")]
    found = np.array([n / 10 for n in range(11)])
    for lengths in chosen(pauses, found, weights_in("")).values():
        assert 0.8 < lengths.sure <= 2.0
    waited_for = [event(n, False, 0.5, text="five six seven") for n in range(10)]
    assert chosen(waited_for, found[:10], weights_in(""))["quick"].sure == 0.0


def test_too_few_silences_fit_nothing() -> None:
    with pytest.raises(TooFewEvents, match="10 of each"):
        fitted([event(n, n % 2 == 0, 0.5) for n in range(10)])


def test_ten_of_each_fit_whoever_is_held_out_unless_all_are_of_one() -> None:
    # The names of tests/data/calls, of which one of eight parts had five pauses.
    events = [replace(each, speaker=f"pause-{at % 11:02}.wav") for at, each in enumerate(some(20))]
    assert refitted(events, weights_in(""), "a test").weights["end"] > 0
    assert turns_figures(events, weights_in("")).held_out
    with pytest.raises(TooFewEvents, match="of one speaker"):
        refitted([replace(each, speaker="a") for each in events], weights_in(""), "a test")


def _fact(event_class: type[e.Event], name: str, at_ms: int, turn: str = "t1", **fields: object) -> e.Event:
    known = {"event_id": name, "session_id": "s", "turn_id": turn, "participant_id": "p", "utterance_id": name}
    return event_class.model_validate(known | {"time_ns": at_ms * MS} | fields)


def _ended(name: str, at_ms: int, ended_ms: int, text: str, turn: str = "t1") -> e.Event:
    evidence = {
        "silence_ms": 200,
        "required_silence_ms": 200,
        "speech_ended_ns": ended_ms * MS,
        "text_ready_ns": ended_ms * MS,
    }
    return _fact(e.TurnEnded, name, at_ms, turn, text=text, evidence=evidence)


def test_the_log_shows_whether_somebody_went_on() -> None:
    revision: dict[str, Any] = {"revision": 1, "settled": True}
    speech: dict[str, Any] = {"track_id": "m", "start_sample": 1}
    facts = [
        _fact(e.TranscriptRevised, "a", 1000, text="I need.", **revision),
        _fact(e.TranscriptScored, "sa", 1050, cause_id="a", end_probability=0.1),
        _fact(e.TranscriptRevised, "b", 2000, text="I need. A table", pauses=(7,), **revision),
        _ended("e1", 2200, 1900, "I need. A table"),
        # Nothing of an answer was heard: the turn had not ended.
        _fact(e.SpeechStarted, "u2", 2500, "t2", **speech),
        _fact(e.TranscriptRevised, "c", 3000, "t2", text="for two.", **revision),
        _ended("e2", 3300, 2900, "for two.", "t2"),
        _fact(e.PlaybackStarted, "h", 3500, "t2", reply_id="r"),
        _fact(e.SpeechStarted, "u3", 4200, "t3", **speech),
        _fact(e.TranscriptRevised, "d", 5000, "t3", text="Thanks.", **revision),
        _ended("e3", 5300, 4900, "Thanks.", "t3"),
    ]
    found = events_of_log(facts)
    assert [(each.text, each.is_end) for each in found] == [
        ("I need.", False),
        ("I need. A table", False),
        ("for two.", True),
        ("Thanks.", True),
    ]
    assert (found[0].end_probability, found[1].pauses) == (0.1, (7,))


def test_a_sound_without_words_after_a_turn_is_nobody_going_on() -> None:
    facts = [
        _fact(e.TranscriptRevised, "a", 1000, text="Where are you?", revision=1, settled=True),
        _ended("e1", 1200, 900, "Where are you?"),
        _fact(e.SpeechStarted, "cough", 1400, "t2", track_id="m", start_sample=1),
        _fact(e.UtteranceDismissed, "dismissed", 1900, "t2", reason="no-words"),
        _fact(e.PlaybackStarted, "h", 2200, reply_id="r"),
    ]
    assert [each.is_end for each in events_of_log(facts)] == [True]
