"""Facts for tests of reasoning, short to write."""

from typing import Any

from actors.reasoning.session_state import Session, apply
from contracts import events as e

SESSION = "s-1"


def fact(event_class: type[e.Event], event_id: str, **fields: Any) -> Any:
    return event_class(**{"event_id": event_id, "session_id": SESSION, "time_ns": 1_000, **fields})


def opened(**profile: str) -> e.SessionOpened:
    texts = {"prompt": "Be kind.", "llm": "fake", "stt": "local", "tts": "local", **profile}
    opening: e.SessionOpened = fact(e.SessionOpened, "open", door="test", user_id="u", profile=texts)
    return opening


def revised(text: str, event_id: str = "rev", turn: str = "t1", settled: bool = True) -> e.TranscriptRevised:
    fields = {"utterance_id": "u", "participant_id": "p", "revision": 1, "text": text, "settled": settled}
    revision: e.TranscriptRevised = fact(e.TranscriptRevised, event_id, turn_id=turn, **fields)
    return revision


def ended(text: str, turn: str = "t1", event_id: str = "", **fields: Any) -> e.TurnEnded:
    end: e.TurnEnded = fact(
        e.TurnEnded, event_id or f"end-{turn}", turn_id=turn, participant_id="p", text=text, **fields
    )
    return end


def started(text: str, reply: str = "r1", turn: str = "t1", draft: bool = False) -> e.ReplyStarted:
    start: e.ReplyStarted = fact(e.ReplyStarted, f"start-{reply}", turn_id=turn, reply_id=reply, text=text, draft=draft)
    return start


def about(event_class: type[e.Event], reply: str = "r1", **fields: Any) -> Any:
    return fact(event_class, f"{event_class.__name__}-{reply}-{len(fields)}", reply_id=reply, **fields)


def folded(*events: e.Event) -> Session:
    session = Session(SESSION)
    for sequence, event in enumerate(events, 1):
        apply(session, event, sequence)
        session.sequence = sequence
    return session
