"""The facts of a text conversation: its opening, its turns, and what was read of the answers. Pure."""

import secrets
from dataclasses import dataclass
from typing import Any, TypeVar

from bridge.call.session_events import AGENT, PERSON, joined, opening, session_opened
from contracts import events as e
from contracts.answers import answer
from contracts.ids import derive_id
from contracts.profile import AgentProfile
from infra.settings import Settings

HTTP = "http"

About = TypeVar("About", bound=e.Event)


def opening_facts(
    session_id: str,
    user_id: str,
    settings: Settings,
    now_ns: int,
    resume_digest: str = "",
    time_zone: str = "",
    profile: AgentProfile | None = None,
) -> list[e.Event]:
    """Return the facts that open a text conversation: there is no sound, so its `profile` has no greeting."""
    return [
        session_opened(session_id, HTTP, user_id, settings, now_ns, resume_digest, profile),
        joined(session_id, PERSON, "person", "", now_ns, time_zone=time_zone),
        joined(session_id, AGENT, "agent", "", now_ns),
    ]


def turn_ended(session_id: str, text: str, now_ns: int) -> e.TurnEnded:
    """Return the fact that somebody has written `text`."""
    message_id = secrets.token_hex(12)
    return answer(
        opening(session_id),
        e.TurnEnded,
        time_ns=now_ns,
        id_from=message_id,
        turn_id=derive_id(message_id, "turn"),
        participant_id=PERSON,
        text=text,
        source="text",
    )


@dataclass(frozen=True, slots=True)
class ReadingFacts:
    """Creates the facts about the reading of one reply: for text, playback is delivery. No sound, no gap."""

    started_fact: e.ReplyStarted

    @property
    def reply_id(self) -> str:
        """The reply."""
        return self.started_fact.reply_id

    def started(self, now_ns: int) -> e.PlaybackStarted:
        """Return the fact that its first words have reached the reader."""
        return self._about(e.PlaybackStarted, now_ns)

    def finished(self, text: str, now_ns: int) -> e.PlaybackFinished:
        """Return the fact that all of it has reached the reader."""
        return self._about(e.PlaybackFinished, now_ns, heard_text=text, played_samples=0)

    def stopped(self, now_ns: int) -> e.TurnInterrupted:
        """Return the fact that the reader went away, which stops the reply's writer."""
        return self._about(e.TurnInterrupted, now_ns, participant_id=PERSON)

    def interrupted(self, text: str, clause_index: int, reason: str, now_ns: int) -> e.PlaybackInterrupted:
        """Return the fact of what had reached the reader by then."""
        return self._about(
            e.PlaybackInterrupted,
            now_ns,
            heard_text=text,
            played_samples=0,
            clause_index=clause_index,
            reason=reason,
        )

    def _about(self, event_class: type[About], now_ns: int, **fields: Any) -> About:
        started, reply_id = self.started_fact, self.reply_id
        per_reply = f"{started.session_id}:{reply_id}:"
        return answer(started, event_class, time_ns=now_ns, id_from=per_reply, reply_id=reply_id, **fields)
