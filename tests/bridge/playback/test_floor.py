"""Whether somebody speaks, with one person there and with several."""

from typing import Any

from bridge.playback.floor import Floor
from contracts import events as e

PATIENCE = 1000


def fact(kind: type[e.Event], who: str, **fields: Any) -> e.Event:
    return kind(**{"event_id": "x", "session_id": "s", "time_ns": 1, "participant_id": who} | fields)


def speech(who: str, utterance_id: str) -> e.Event:
    return fact(e.SpeechStarted, who, utterance_id=utterance_id, track_id="t", start_sample=0)


def dismissed(who: str, utterance_id: str) -> e.Event:
    return fact(e.InterruptionDismissed, who, reply_id="r", utterance_id=utterance_id, reason="no-words")


def test_it_is_held_until_each_who_speaks_has_ended() -> None:
    floor = Floor()
    floor.hear(speech("ada", "u-1"), 10)
    floor.hear(speech("bob", "u-2"), 20)
    floor.hear(fact(e.TurnEnded, "ada", text="hi"), 30)
    assert floor.is_held(40, PATIENCE)
    floor.hear(fact(e.TurnEnded, "bob", text="hi"), 50)
    assert not floor.is_held(60, PATIENCE)


def test_who_leaves_gives_it_up() -> None:
    floor = Floor()
    floor.hear(speech("ada", "u-1"), 10)
    floor.hear(fact(e.ParticipantLeft, "ada"), 20)
    assert not floor.is_held(30, PATIENCE)


def test_a_cough_does_not_free_it_while_another_speaks() -> None:
    floor = Floor()
    floor.hear(speech("ada", "u-1"), 10)
    floor.hear(speech("bob", "u-2"), 20)
    assert not floor.is_free_after("ada", "u-1")
    floor.hear(dismissed("ada", "u-1"), 30)
    assert floor.is_free_after("bob", "u-2")


def test_a_late_decision_does_not_free_it_from_who_speaks_again() -> None:
    floor = Floor()
    floor.hear(speech("ada", "u-1"), 10)
    floor.hear(speech("ada", "u-2"), 20)
    assert not floor.is_free_after("ada", "u-1")
    floor.hear(dismissed("ada", "u-1"), 30)
    assert floor.is_held(40, PATIENCE)
