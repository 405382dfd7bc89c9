"""What came of a turn, read from the conversation's facts: what was answered and heard, and which tools were called."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from contracts import events as e
from contracts.written import put_together
from infra.log.memory_log import MemoryStore

E = TypeVar("E", bound=e.Event)


@dataclass(frozen=True)
class CalledTool:
    """A call of a tool as the log has it; `returned` is None while there is no result."""

    called: e.ToolCalled
    returned: e.ToolReturned | None

    @property
    def name(self) -> str:
        """The tool."""
        return self.called.tool

    @cached_property
    def arguments(self) -> Any:
        """The arguments; the text as it was written, if that is no JSON."""
        try:
            return json.loads(self.called.arguments)
        except ValueError:
            return self.called.arguments

    @property
    def key(self) -> str:
        """Its idempotency key."""
        return self.called.call_id

    @property
    def result(self) -> str:
        """The result as text; empty while there is none."""
        return self.returned.result if self.returned is not None else ""

    @property
    def error(self) -> str:
        """What went wrong, as the model is told; empty if nothing did."""
        return (self.returned.error if self.returned is not None else None) or ""

    def __repr__(self) -> str:
        """Return it as a call: `book_table(table='4') -> 'Done.'`."""
        given = self.arguments
        shown = ", ".join(f"{name}={value!r}" for name, value in given.items()) if isinstance(given, dict) else given
        came = f"error {self.error!r}" if self.error else repr(self.result) if self.returned else "…"
        return f"{self.name}({shown}) -> {came}"


class Facts:
    """The facts of a conversation so far, or of one turn of it. They grow while it goes on."""

    def __init__(self, store: MemoryStore, turn_id: str | None = None) -> None:
        self._store = store
        self.turn_id = turn_id

    @property
    def facts(self) -> Sequence[e.Event]:
        """All of them, in the log's order."""
        events = (fact.event for fact in self._store.facts)
        return [event for event in events if self.turn_id is None or event.turn_id == self.turn_id]

    def of(self, event_class: type[E]) -> list[E]:
        """Return the facts of one class."""
        return [event for event in self.facts if isinstance(event, event_class)]

    @property
    def tools(self) -> list[CalledTool]:
        """The calls of tools, with their results."""
        returned = {event.call_id: event for event in self.of(e.ToolReturned)}
        return [CalledTool(event, returned.get(event.call_id)) for event in self.of(e.ToolCalled)]

    @property
    def reply(self) -> str:
        """What was answered: all clauses of replies that were to be heard."""
        unheard = {event.reply_id for event in self.of(e.ReplyStarted) if event.draft}
        unheard -= {event.reply_id for event in self.of(e.ReplyCommitted)}
        unheard |= {event.reply_id for event in self.of(e.ReplyDiscarded)}
        clauses = [event for event in self.of(e.ReplyClauseWritten) if event.reply_id not in unheard]
        texts: dict[str, list[str]] = {}
        for clause in clauses:
            texts.setdefault(clause.reply_id, []).append(clause.text)
        return " ".join(put_together(parts).strip() for parts in texts.values())

    @property
    def heard(self) -> str:
        """What the person heard of it, to the word."""
        ends = [event for event in self.facts if isinstance(event, e.PlaybackFinished | e.PlaybackInterrupted)]
        return " ".join(event.heard_text.strip() for event in ends if event.heard_text)


class TurnResult(Facts):
    """What came of one turn of the person."""

    def __init__(self, store: MemoryStore, turn_id: str, said: str) -> None:
        super().__init__(store, turn_id)
        self.said = said

    @property
    def context(self) -> Sequence[e.ContextMessage]:
        """What the model was given last for it: instructions, conversation as heard, question."""
        started = self.of(e.ReplyStarted)
        return started[-1].context if started else ()

    @property
    def is_answered(self) -> bool:
        """Whether there is a reply to it that was to be heard."""
        return bool(self.reply)

    def __repr__(self) -> str:
        """Return who said what."""
        return f"Turn({self.said!r} -> {self.reply!r})"


class WholeConversation(Facts):
    """What came of a conversation so far."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.turns: list[TurnResult] = []
        """What came of each turn of the person."""

    @property
    def greeting(self) -> str:
        """What the agent said first."""
        (opened,) = self.of(e.SessionOpened)
        return self._said_for(opened)

    @property
    def remarks(self) -> Sequence[str]:
        """What it said because a tool asked for it: `call.say`."""
        return [self._said_for(wanted) for wanted in self.of(e.RemarkRequested)]

    @property
    def agent(self) -> str:
        """Name of the agent who has the conversation now."""
        (opened,), handed = self.of(e.SessionOpened), self.of(e.HandedOver)
        return handed[-1].to_agent if handed else opened.profile.agent

    @property
    def ended(self) -> str:
        """Why a tool has ended the call (`call.end`); empty if it goes on."""
        wanted, closed = self.of(e.EndRequested), self.of(e.SessionClosed)
        return wanted[0].reason if wanted and closed else ""

    @property
    def pressed(self) -> str:
        """The keys that the person has pressed."""
        return "".join(key.digit for key in self.of(e.DtmfReceived))

    @property
    def transcript(self) -> str:
        """What was said and heard, line by line, with the calls of tools."""
        calls = {call.key: call for call in self.tools}
        return "\n".join(line for event in self.facts if (line := _line(event, calls)))

    def _said_for(self, cause: e.Event) -> str:
        """Return what was said because of a fact, in a turn of its own."""
        begun = [event.turn_id for event in self.of(e.ReplyStarted) if event.cause_id == cause.event_id]
        return Facts(self._store, begun[0]).reply if begun else ""


def _line(event: e.Event, calls: Mapping[str, CalledTool]) -> str:
    match event:
        case e.TurnEnded():
            return f"Person: {event.text}"
        case e.DtmfReceived():
            return f"[the person presses {event.digit}]"
        case e.ToolReturned():
            return f"[{calls[event.call_id]}]"
        case e.HandedOver():
            return f"[{event.to_agent} takes over]"
        case e.PlaybackFinished() | e.PlaybackInterrupted():
            return f"Agent: {event.heard_text.strip()}" if event.heard_text.strip() else ""
    return ""
