"""The facts of a conversation by text: its opening, its turns, and what was read of the answers. Pure."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bridge.call.session_events import AGENT, PERSON, joined, opened_id, profile_of
from contracts import events as e
from contracts.ids import derive_id
from infra.log.event_log import Fact
from infra.settings import Settings

HTTP = "http"


@dataclass(slots=True)
class SessionState:
    """How a session stands after its facts; taking one again changes nothing."""

    session_id: str
    sequence: int = 0
    door: str = ""
    user_id: str = ""
    resume_digest: str = ""
    closed: bool = False
    erased: bool = False
    session_sequence: int = 0
    """Place of the last `session.*` fact: a turn is only said while it is the last."""
    turn_sequence: int = 0
    """Place of the last `turn.*` fact: the session is only closed while it is the last."""
    active_ns: int = 0
    unread: dict[str, e.ReplyStarted] = field(default_factory=dict)
    """Replies of which the log does not say yet how far they were read."""

    def apply(self, fact: Fact) -> None:
        """Take the next fact."""
        event = fact.event
        self.sequence = max(self.sequence, fact.sequence)
        if isinstance(event, e.SessionOpened | e.SessionClosed | e.SessionErased):
            self.session_sequence = max(self.session_sequence, fact.sequence)
        if isinstance(event, e.TurnEnded | e.TurnInterrupted | e.TurnRecorded):
            self.turn_sequence = max(self.turn_sequence, fact.sequence)
        match event:
            case e.SessionOpened():
                self.door, self.user_id, self.resume_digest = event.door, event.user_id, event.resume_digest
            case e.SessionClosed():
                self.closed = True
            case e.SessionErased():
                self.erased = True
            case e.ReplyStarted(draft=False):
                self.unread[event.reply_id] = event
            case e.ReplyDiscarded() | e.PlaybackFinished() | e.PlaybackInterrupted():
                self.unread.pop(event.reply_id, None)
        if isinstance(event, e.SessionOpened | e.TurnEnded | e.PlaybackFinished | e.PlaybackInterrupted):
            self.active_ns = max(self.active_ns, event.time_ns)


def session_state_of(session_id: str, facts: Iterable[Fact]) -> SessionState:
    """Return how a session stands after its facts."""
    state = SessionState(session_id)
    for fact in facts:
        state.apply(fact)
    return state


def opening_facts(
    session_id: str, user_id: str, settings: Settings, now_ns: int, resume_digest: str = "", time_zone: str = ""
) -> list[e.Event]:
    """Return what opens a conversation by text: nobody speaks in it, and nobody is greeted."""
    profile = profile_of(settings).model_copy(update={"speaks": False, "greeting": ""})
    opened = e.SessionOpened(
        event_id=opened_id(session_id),
        session_id=session_id,
        time_ns=now_ns,
        door=HTTP,
        user_id=user_id,
        profile=profile,
        resume_digest=resume_digest,
    )
    return [
        opened,
        joined(session_id, PERSON, "person", "", now_ns, time_zone=time_zone),
        joined(session_id, AGENT, "agent", "", now_ns),
    ]


def turn_ended(session_id: str, text: str, now_ns: int) -> e.TurnEnded:
    """Return that somebody has written `text`."""
    message_id = secrets.token_hex(12)
    return e.TurnEnded(
        event_id=derive_id(message_id, "TurnEnded"),
        session_id=session_id,
        time_ns=now_ns,
        cause_id=opened_id(session_id),
        turn_id=derive_id(message_id, "turn"),
        participant_id=PERSON,
        text=text,
        source="text",
    )


@dataclass(frozen=True, slots=True)
class ReadingFacts:
    """Makes the facts about the reading of one reply: for a text, playback is delivery. No sound, no gap."""

    started_fact: e.ReplyStarted

    @property
    def reply_id(self) -> str:
        """The reply."""
        return self.started_fact.reply_id

    def started(self, now_ns: int) -> e.PlaybackStarted:
        """Return that its first words have reached the reader."""
        return e.PlaybackStarted(**self._fields("PlaybackStarted", now_ns))

    def finished(self, text: str, now_ns: int) -> e.PlaybackFinished:
        """Return that all of it has."""
        return e.PlaybackFinished(**self._fields("PlaybackFinished", now_ns), heard_text=text, played_samples=0)

    def stopped(self, now_ns: int) -> e.TurnInterrupted:
        """Return that the reader went away: whoever writes the reply stops."""
        return e.TurnInterrupted(**self._fields("TurnInterrupted", now_ns), participant_id=PERSON)

    def interrupted(self, text: str, clause_index: int, reason: str, now_ns: int) -> e.PlaybackInterrupted:
        """Return what had reached the reader by then."""
        fields = self._fields("PlaybackInterrupted", now_ns)
        return e.PlaybackInterrupted(
            **fields, heard_text=text, played_samples=0, clause_index=clause_index, reason=reason
        )

    def _fields(self, name: str, now_ns: int) -> dict[str, Any]:
        return {
            "event_id": derive_id(f"{self.started_fact.session_id}:{self.reply_id}:", name),
            "session_id": self.started_fact.session_id,
            "time_ns": now_ns,
            "cause_id": self.started_fact.event_id,
            "turn_id": self.started_fact.turn_id,
            "reply_id": self.reply_id,
        }
