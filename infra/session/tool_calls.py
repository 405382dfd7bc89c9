"""The calls of tools that the log has, and what came of each: for whoever settles what nobody knows."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from nats.aio.client import Client

from contracts import events as e
from contracts.answers import Cause, answer
from contracts.codec import Undecodable, decode
from contracts.topology import noun_subjects, session_subjects
from infra.log.log_streams import log_messages

OPEN = "open"
"""Outcome of a call of which nothing more is in the log: it runs, or its process has died."""

DOUBTFUL = frozenset({OPEN, "unknown", "timed-out"})


@dataclass(slots=True)
class ToolCall:
    """One call. `outcome` is that of ToolReturned, `open` without one; `result` and `error` are the last that is known.

    `called_ns` is Unix epoch ns. `settled_by` is who found out what really came of it, empty if nobody has.
    """

    session_id: str
    call_id: str
    tool: str
    kind: str
    arguments: str
    called_ns: int
    reply_id: str
    turn_id: str | None
    idempotency_key: str = ""
    outcome: str = OPEN
    attempts: int = 0
    result: str = ""
    error: str = ""
    settled_by: str = ""

    @property
    def is_unknown(self) -> bool:
        """Whether it may have changed the world, and nobody knows."""
        return self.kind == "action" and self.outcome in DOUBTFUL and not self.settled_by

    def fields(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self) | {"unknown": self.is_unknown}


def folded(events: Iterable[e.Event]) -> list[ToolCall]:
    """Return the calls that these facts tell of, in the order in which they were made."""
    calls: dict[tuple[str, str], ToolCall] = {}
    for event in events:
        if isinstance(event, e.ToolCalled):
            calls.setdefault((event.session_id, event.call_id), _called(event))
        elif isinstance(event, e.ToolReturned | e.ToolSettled):
            call = calls.get((event.session_id, event.call_id))
            if call is not None:
                _note(call, event)
    return list(calls.values())


def _called(event: e.ToolCalled) -> ToolCall:
    return ToolCall(
        event.session_id,
        event.call_id,
        event.tool,
        event.kind,
        event.arguments,
        event.time_ns,
        event.reply_id,
        event.turn_id,
        event.idempotency_key,
    )


def _note(call: ToolCall, event: e.ToolReturned | e.ToolSettled) -> None:
    if isinstance(event, e.ToolSettled):
        call.settled_by, call.result, call.error = event.by or "somebody", event.result, event.error or ""
    elif call.outcome == OPEN:
        call.outcome = event.outcome or ("failed" if event.error else "ok")
        call.attempts = event.attempts
        if not call.settled_by:
            call.result, call.error = event.result, event.error or ""


async def tool_calls(nc: Client, session_id: str = "") -> list[ToolCall]:
    """Return the calls of a session, or of all. Raises what `stored_messages` raises."""
    return folded([event async for event in _facts(nc, session_id)])


async def _facts(nc: Client, session_id: str) -> AsyncIterator[e.Event]:
    subjects = session_subjects(session_id, "tool") if session_id else noun_subjects("tool")
    async for message in log_messages(nc, subjects):
        try:
            yield decode(message.subject, message.data)
        except Undecodable:
            continue


def settlement(call: ToolCall, result: str, error: str | None, by: str, time_ns: int) -> e.ToolSettled:
    """Return the fact by which somebody says what really came of a call: its `result`, or an `error`."""
    return answer(
        Cause(call.session_id, None, call.turn_id),
        e.ToolSettled,
        time_ns=time_ns,
        id_from=call.call_id,
        id_name="SettledByHand",
        reply_id=call.reply_id,
        call_id=call.call_id,
        tool=call.tool,
        result=result,
        error=error,
        by=by,
    )
