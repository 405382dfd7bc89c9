"""A fact as a sentence: every class has one, and it says what a reader asks."""

from typing import Any

import pytest

from contracts import events as e
from infra.replay.sentences import sentence
from infra.session.people import Person
from tests.contracts.samples import EVENT_CLASSES, sample

PEOPLE = {"caller": Person("caller", "Sam")}
COMMON = {"event_id": "e", "session_id": "s-1", "time_ns": 1}


def said(event_class: type[e.Event], **fields: Any) -> str:
    return sentence(event_class(**COMMON, **fields), PEOPLE)


@pytest.mark.parametrize("every", [True, False])
@pytest.mark.parametrize("event_class", EVENT_CLASSES)
def test_every_event_has_a_sentence_of_its_own_in_one_line(event_class: type[e.Event], every: bool) -> None:
    text = sentence(sample(event_class, every), {})
    assert text == " ".join(text.split())
    assert not text.startswith(event_class.__name__), "it has no sentence: add one"


def test_an_event_without_a_sentence_is_shown_with_its_fields() -> None:
    class BellRung(e.Event):
        times: int

    assert said(BellRung, times=3) == "BellRung times=3"


def test_the_end_of_a_turn_says_why() -> None:
    evidence = e.TurnEvidence(
        silence_ms=642, end_of_turn_probability=0.261, required_silence_ms=639, speech_ended_ns=1, text_ready_ns=1
    )
    turn = {"participant_id": "caller", "text": "What time\nis it?"}
    assert said(e.TurnEnded, **turn, evidence=evidence) == (
        "Sam's turn ends after 642 ms of silence (639 ms asked for at an end-of-turn probability of 0.26): "
        "“What time is it?”"
    )
    assert said(e.TurnEnded, **turn, source="text") == "Sam writes: “What time is it?”"


def test_the_agents_answer_says_the_gap_and_what_was_heard_of_it() -> None:
    parts = e.LatencyParts(endpointing_ms=492, bus_ms=9.7)
    started = said(e.PlaybackStarted, reply_id="r", gap_ms=502, parts=parts)
    assert started == "the agent begins to speak (gap 502 ms: endpointing 492, bus 10)"
    cut = {"reply_id": "r", "played_samples": 1}
    assert said(e.PlaybackInterrupted, heard_text="It is", **cut) == "the agent is cut off after “It is” (barge-in)"
    assert said(e.PlaybackInterrupted, heard_text="", **cut) == (
        "the agent is cut off before a word was heard (barge-in)"
    )


def test_what_somebody_said_cannot_move_the_terminals_cursor() -> None:
    text = said(e.TranscriptRevised, utterance_id="u", participant_id="caller", revision=0, text="\x1b[2J hi\x07")
    assert text == "Sam, so far: “[2J hi”"
