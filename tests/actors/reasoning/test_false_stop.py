"""A reply that was stopped by what was no turn goes on from where it was."""

import pytest

from actors.reasoning.decide import Discard, Resume, Start, decide, reply_id_of
from actors.reasoning.false_stop import rest_after
from actors.reasoning.session_state import Session
from contracts import events as e
from tests.actors.reasoning.facts import about, ended, fact, folded, revised, started

WRITTEN = ("The first train leaves at nine,", " and it stops in Zug.", " The second one leaves at ten.")


def stopped(heard: str, *more: e.Event, written: tuple[str, ...] = WRITTEN) -> Session:
    """A reply to turn t1 that turn t2 has stopped when `heard` of it was heard."""
    clauses = [
        fact(e.ReplyClauseWritten, f"c-{index}", reply_id="r1", index=index, text=text)
        for index, text in enumerate(written)
    ]
    stop = fact(e.TurnInterrupted, "stop", turn_id="t2", participant_id="p", reply_id="r1")
    end = about(e.PlaybackInterrupted, heard_text=heard, played_samples=1)
    begin = (ended("When do trains leave?"), started("When do trains leave?"))
    return folded(*begin, *clauses, about(e.PlaybackStarted), stop, end, *more)


@pytest.mark.parametrize("text", ["Thank you.", "Mhm, okay.", "Go on.", "Yeah, yeah, I see."])
def test_after_a_listeners_signal_the_rest_is_said_from_where_it_was(text: str) -> None:
    event = ended(text, "t2")
    session = stopped("The first train leaves at nine, and it", event)
    rest = "stops in Zug. The second one leaves at ten."
    assert decide(session, event) == (Start(reply_id_of(event), "t2", text, fixed=rest),)


def no_speech(name: str, reason: str = "no-words") -> e.UtteranceDismissed:
    fields = {"turn_id": "t2", "utterance_id": name, "participant_id": "p", "over_reply_id": "r1", "reason": reason}
    event: e.UtteranceDismissed = fact(e.UtteranceDismissed, name, **fields)
    return event


@pytest.mark.parametrize("reason", ["no-words", "unlikely", "language"])
def test_after_sound_that_was_no_speech_the_rest_is_said(reason: str) -> None:
    event = no_speech("u1", reason)
    session = stopped("The first train", event)
    [start] = decide(session, event)
    assert isinstance(start, Start)
    assert start.fixed == "leaves at nine, and it stops in Zug. The second one leaves at ten."


def test_after_several_sounds_that_were_no_speech_the_rest_is_said_once() -> None:
    first, second = no_speech("u1"), no_speech("u2")
    session = stopped("The first train", first)
    [start] = decide(session, first)
    assert isinstance(start, Start)
    resumed = fact(e.ReplyStarted, "rest", reply_id=start.reply_id, turn_id=start.turn_id, text="")
    session = stopped("The first train", first, resumed, second)
    assert decide(session, second) == ()


@pytest.mark.parametrize("text", ["Stop.", "No, wait.", "Thank you, that's enough.", "And the third one?"])
def test_what_takes_the_floor_is_answered(text: str) -> None:
    event = ended(text, "t2")
    assert decide(stopped("The first train", event), event) == (Start(reply_id_of(event), "t2", text),)


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        (
            ("There are two trains.", " Shall I book the first one?"),
            "There are two trains. Shall I book the first one?",
        ),
        (("There are two trains.", " Shall I book the first one?"), "There are two trains. Shall I book the"),
        (("Do you want a seat?", " There are many left in the first class."), "Do you want a seat?"),
    ],
)
def test_after_a_question_the_same_words_are_its_answer(written: tuple[str, ...], heard: str) -> None:
    event = ended("Yes, sure.", "t2")
    assert decide(stopped(heard, event, written=written), event) == (Start(reply_id_of(event), "t2", event.text),)


def test_nothing_is_left_to_say_of_a_reply_that_was_heard_whole() -> None:
    event = ended("Thank you.", "t2")
    assert rest_after(stopped("".join(WRITTEN), event), "t2", event.text, 2_000) == ""


def test_words_that_differ_in_white_space_are_counted() -> None:
    event = ended("Okay.", "t2")
    session = stopped("The  first train leaves", event)
    assert rest_after(session, "t2", event.text, 2_000).startswith("at nine, and it stops")


def test_no_draft_is_prepared_for_a_signal_and_one_begun_before_it_was_known_gives_way() -> None:
    event = revised("Thank you.", turn="t2")
    assert decide(stopped("The first train", event), event) == ()
    draft = started("Thank", "r2", "t2", draft=True)
    end = ended("Thank you.", "t2")
    discard, start = decide(stopped("The first train", draft, end), end)
    assert discard == Discard("r2", "the turn ended with other words")
    assert isinstance(start, Start)
    assert start.fixed.startswith("leaves at nine")


def test_the_rest_is_said_once_also_if_its_event_comes_again() -> None:
    event = ended("Thank you.", "t2")
    own = started("Thank you.", reply_id_of(event), "t2")
    rest = "leaves at nine, and it stops in Zug. The second one leaves at ten."
    assert decide(stopped("The first train", event, own), event) == (Resume(reply_id_of(event), rest),)
    done = about(e.ReplyCompleted, reply_id_of(event), text=rest, clauses=1)
    assert decide(stopped("The first train", event, own, done), event) == ()
