"""A session of Sam and Kim with the agent Daredevil, for tests."""

from typing import Any

from contracts import events as e
from tests.actors.reasoning.facts import about, fact, started

S = 1_000_000_000


def opening(addressee: str = "always") -> e.SessionOpened:
    profile = {"prompt": "Be kind.", "llm": "fake:m0", "stt": "local", "tts": "local"}
    profile |= {"agent_name": "Daredevil", "addressee": addressee}
    event: e.SessionOpened = fact(e.SessionOpened, "open", door="test", user_id="sam", profile=profile)
    return event


def joined(person: str, **fields: Any) -> e.ParticipantJoined:
    named = {"name": person.capitalize(), "identity": f"{person}@home", **fields}
    event: e.ParticipantJoined = fact(e.ParticipantJoined, f"join-{person}", participant_id=person, **named)
    return event


def left(person: str) -> e.ParticipantLeft:
    event: e.ParticipantLeft = fact(e.ParticipantLeft, f"left-{person}", participant_id=person)
    return event


def room(addressee: str = "always") -> tuple[e.Event, ...]:
    agent = fact(e.ParticipantJoined, "join-agent", participant_id="agent", kind="agent")
    return opening(addressee), joined("sam"), agent, joined("kim")


def says(person: str, text: str, turn: str, at_s: float = 0) -> e.TurnEnded:
    fields = {"participant_id": person, "text": text, "turn_id": turn, "time_ns": int(100 * S + at_s * S)}
    event: e.TurnEnded = fact(e.TurnEnded, f"end-{turn}", **fields)
    return event


def thinks(person: str, text: str, turn: str, event_id: str = "rev") -> e.TranscriptRevised:
    fields = {"participant_id": person, "text": text, "turn_id": turn, "time_ns": 100 * S}
    event: e.TranscriptRevised = fact(
        e.TranscriptRevised, event_id, utterance_id="u", revision=1, settled=True, **fields
    )
    return event


def passed(turn: str, person: str, reason: str, **fields: Any) -> e.TurnPassed:
    event: e.TurnPassed = fact(
        e.TurnPassed, f"passed-{turn}", participant_id=person, reason=reason, turn_id=turn, **fields
    )
    return event


def answered(turn: str, reply: str, text: str, at_s: float = 0) -> tuple[e.Event, ...]:
    """The agent's reply to a turn, heard to its end."""
    finished = about(
        e.PlaybackFinished, reply, heard_text=text, played_samples=5, time_ns=int(100 * S + at_s * S), turn_id=turn
    )
    return started("", reply, turn), finished
