"""Turns from a keyboard, and when they may be appended."""

import secrets
from collections import OrderedDict, deque
from typing import Any

from contracts import events as e
from contracts.answers import Cause, answer
from contracts.ids import derive_id

KEPT = 1000
"""How many stored turns are recognised when they are sent again."""


class TypedTurns:
    """Typed turns of one session in the order of their arrival. Pure; times are Unix epoch ns.

    One waits while a reply is being stopped: the model's context holds what was heard, so that count comes first.
    A turn that its sender has named (`name`) yields the same facts whenever, and at whatever door, it is sent again.
    """

    def __init__(self, session_id: str) -> None:
        self._session_id = session_id
        self._waiting: deque[e.TurnEnded] = deque()
        self._names: dict[str, str] = {}
        """Names of the turns that are not stored yet, by the event's id."""
        self._stored: OrderedDict[str, None] = OrderedDict()

    def stored(self, event: e.TurnEnded) -> str:
        """Note that a turn is in the log; return the name to report to its sender, "" if there is none."""
        if event.source == "text":
            self._stored[event.event_id] = None
            if len(self._stored) > KEPT:
                self._stored.popitem(last=False)
        return self._names.pop(event.event_id, "")

    def message_id(self, participant_id: str, name: str) -> str:
        """Return the id from which a turn's facts get theirs: a new one if its sender has not named it."""
        return derive_id(f"{self._session_id}:{participant_id}:{name}", "typed") if name else secrets.token_hex(12)

    def is_stored(self, message_id: str) -> bool:
        """Return whether the log holds the turn of this message."""
        return derive_id(message_id, "TurnEnded") in self._stored

    def take(
        self,
        participant_id: str,
        text: str,
        playing_reply_id: str | None,
        now_ns: int,
        message_id: str,
        name: str = "",
    ) -> e.TurnInterrupted | None:
        """Accept a turn; return the interruption to append first if a reply is being played."""
        event_id = derive_id(message_id, "TurnEnded")
        if event_id in self._names or event_id in self._stored:
            return None  # it was sent again, and is already being stored
        if name:
            self._names[event_id] = name
        sender = Cause(self._session_id, turn_id=derive_id(message_id, "turn"))
        said: dict[str, Any] = {"id_from": message_id, "participant_id": participant_id, "text": text}
        self._waiting.append(answer(sender, e.TurnEnded, time_ns=now_ns, source="text", **said))
        if playing_reply_id is None:
            return None
        return answer(sender, e.TurnInterrupted, time_ns=now_ns, reply_id=playing_reply_id, **said)

    def due(self, stopping: bool) -> list[e.TurnEnded]:
        """Return the turns that can be appended now: none while a reply is being stopped."""
        if stopping:
            return []
        turns = list(self._waiting)
        self._waiting.clear()
        return turns
