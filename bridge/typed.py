"""Turns from a keyboard, and when they may be said."""

import secrets
from collections import deque

from contracts import events as e
from contracts.ids import derive_id


class TypedTurns:
    """Typed turns of one session in the order of their coming. Pure; times are Unix epoch ns.

    One waits while a reply is being stopped: the model's context holds what was heard, so that count comes first.
    """

    def __init__(self, session_id: str) -> None:
        self._session_id = session_id
        self._waiting: deque[e.TurnEnded] = deque()

    def take(
        self, participant_id: str, text: str, playing_reply_id: str | None, now_ns: int
    ) -> e.TurnInterrupted | None:
        """Take a turn; return the interruption that is to be said first if a reply is being played."""
        message_id = secrets.token_hex(12)
        common = {
            "session_id": self._session_id,
            "time_ns": now_ns,
            "turn_id": derive_id(message_id, "turn"),
            "participant_id": participant_id,
            "text": text,
        }
        self._waiting.append(e.TurnEnded(event_id=derive_id(message_id, "TurnEnded"), source="text", **common))
        if playing_reply_id is None:
            return None
        return e.TurnInterrupted(event_id=derive_id(message_id, "TurnInterrupted"), reply_id=playing_reply_id, **common)

    def due(self, stopping: bool) -> list[e.TurnEnded]:
        """Return the turns that can be said now: none while a reply is being stopped."""
        if stopping:
            return []
        turns = list(self._waiting)
        self._waiting.clear()
        return turns
