"""Which recorded fact an event stands for: by its role, as an id that holds a text or a place changes with it."""

from collections import defaultdict
from typing import Any

from contracts.events import Event

Role = tuple[Any, ...]
"""Class, turn, the reply's place in the turn, and what else tells facts of one class apart."""

PLACES = ("index", "part", "participant_id", "track_id", "tool", "engine", "recording_id")
"""Fields that tell facts of one class and reply apart, where a class has them."""


class Roles:
    """The roles of one side, the record's or the replay's; events are given in their order."""

    def __init__(self) -> None:
        self._replies: dict[str, dict[str, int]] = defaultdict(dict)

    def of(self, event: Event) -> Role:
        """Return the event's role. Replies of a turn are numbered as they appear."""
        turn_id = event.turn_id or ""
        reply_id = getattr(event, "reply_id", None) or ""
        replies = self._replies[turn_id]
        number = replies.setdefault(reply_id, len(replies)) if reply_id else -1
        return (type(event).__name__, turn_id, number, *(getattr(event, name, None) for name in PLACES))
