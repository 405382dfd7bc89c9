"""The calls of tools of one reply, as the log has them: what was called, what came of it, what the model is told."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contracts import events as e
from contracts.events import ContextMessage

STILL_RUNNING = "it is still running; its result is not known yet"
MOST_PAST_CHARS = 2_000
"""How much of a result the model is given in later turns."""


@dataclass(slots=True)
class ToolUse:
    """One call. `clauses_before` is how many clauses of the reply had been written when it was called."""

    called: e.ToolCalled
    clauses_before: int = 0
    returned: e.ToolReturned | None = None
    settled: e.ToolSettled | None = None

    @property
    def is_open(self) -> bool:
        """Whether nothing is known of what came of it."""
        return self.returned is None

    @property
    def is_action(self) -> bool:
        """Whether it changes the world."""
        return self.called.kind == "action"

    @property
    def may_have_run(self) -> bool:
        """Whether it took effect, or may have."""
        return self.returned is None or self.returned.outcome in ("ok", "unknown", "timed-out")

    @property
    def text(self) -> str:
        """What the model is told came of it."""
        if self.settled is not None:
            return self.settled.error or self.settled.result
        if self.returned is None:
            return STILL_RUNNING
        return self.returned.error or self.returned.result

    @property
    def failed(self) -> bool:
        """Whether the text is that of an error."""
        came = self.settled or self.returned
        return came is not None and bool(came.error)

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What it was called with; nothing if that could not be read."""
        return arguments_in(self.called.arguments)

    def message(self, chars: int = MOST_PAST_CHARS) -> ContextMessage:
        """Return it as a later turn's model is told of it."""
        text = self.text if len(self.text) <= chars else f"{self.text[:chars]}…"
        return ContextMessage(role="tool", text=text, tool=self.called.tool, arguments=self.called.arguments)


def arguments_in(written: str) -> Mapping[str, Any]:
    """Return the arguments of a call; nothing if they cannot be read: no provider accepts them."""
    try:
        found = json.loads(written)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Round:
    """One message of the model with calls: what it said before them, and the calls."""

    text: str
    uses: Sequence[ToolUse]


def note_call(uses: dict[str, ToolUse], event: e.ToolCalled, clauses: int) -> None:
    """Take in that a tool was called."""
    uses.setdefault(event.call_id, ToolUse(event, clauses))


def note_return(uses: dict[str, ToolUse], event: e.ToolReturned) -> None:
    """Take in what came of a call; the first counts."""
    use = uses.get(event.call_id)
    if use is not None and use.returned is None:
        use.returned = event


def note_settled(uses: dict[str, ToolUse], event: e.ToolSettled) -> None:
    """Take in what really came of it; the last counts, as somebody may have been wrong."""
    use = uses.get(event.call_id)
    if use is not None:
        use.settled = event
