"""How a tool runs: within its time, again if it may, and with an outcome in place of an exception."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from opentelemetry.trace import StatusCode

from contracts.events import ToolOutcome
from infra.agents.call import Call
from infra.agents.errors import ToolFailed
from infra.agents.handoff import Handoff
from infra.agents.tool import Tool, text_of
from infra.process.tasks import own_cancellation_only
from infra.telemetry.traces import span

log = logging.getLogger(__name__)

MOST_RESULT_BYTES = 200_000
"""The longest result that is stored whole, in UTF-8: a message of NATS and a delivery of a tape have to hold it."""

MOST_ERROR_CHARS = 500
NOT_KNOWN = "whether it took effect is not known"
"""What the model is told of an action that nobody saw the end of."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of a tool: with the outcome `ok` its `result`, else an `error` for the model.

    `length` is given if only the beginning of the result is kept: how many characters it had.
    """

    outcome: ToolOutcome
    result: str = ""
    error: str = ""
    attempts: int = 1
    length: int | None = None
    handoff: Handoff | None = None


async def run_tool(tool: Tool, arguments: Mapping[str, Any], call: Call) -> ToolResult:
    """Run a tool, again after a failure or a time-out as often as it allows; whatever it raises becomes an outcome."""
    about = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool.name, "gen_ai.tool.type": "function"}
    about["gen_ai.tool.call.id"] = call.idempotency_key
    with span(f"execute_tool {tool.name}", attributes=about) as made:
        result = await _attempted(tool, arguments, call)
        made.set_attributes({"daredevil.outcome": result.outcome, "daredevil.attempts": result.attempts})
        if result.outcome in ("failed", "timed-out", "unknown"):
            made.set_status(StatusCode.ERROR, result.outcome)
    return result


async def _attempted(tool: Tool, arguments: Mapping[str, Any], call: Call) -> ToolResult:
    for attempt in range(1, tool.retries + 2):
        result, is_final = await _attempt(tool, arguments, call)
        if is_final or attempt > tool.retries:
            return replace(result, attempts=attempt)
        await asyncio.sleep(tool.backoff_s * 2 ** (attempt - 1))
    raise AssertionError("the last attempt returns")


def longest_s(tool: Tool) -> float:
    """Return how long a tool may take with all its attempts, in seconds."""
    return tool.timeout_s * (tool.retries + 1) + tool.backoff_s * float(2**tool.retries - 1)


async def _attempt(tool: Tool, arguments: Mapping[str, Any], call: Call) -> tuple[ToolResult, bool]:
    """Return what came of it, and whether another attempt would be of no use."""
    try:
        with own_cancellation_only():
            async with asyncio.timeout(tool.timeout_s):
                returned = await tool.run(arguments, call)
        return _kept(returned), True
    except ToolFailed as failure:
        return ToolResult("failed", error=str(failure)[:MOST_ERROR_CHARS] or "it failed"), True
    except TimeoutError:
        error = f"it took longer than {tool.timeout_s:g} s"
        return ToolResult("timed-out", error=f"{error}; {NOT_KNOWN}" if tool.is_action else error), False
    except (Exception, SystemExit):  # a tool may raise anything: details go to the process's log, not to the caller
        log.exception("the tool %s failed", tool.name)
        return ToolResult("failed", error="it failed"), False


def _kept(returned: object) -> ToolResult:
    text = text_of(returned)
    handoff = returned if isinstance(returned, Handoff) else None
    data = text.encode(errors="replace")
    if len(data) <= MOST_RESULT_BYTES:
        return ToolResult("ok", data.decode(), handoff=handoff)
    kept = data[:MOST_RESULT_BYTES].decode(errors="ignore")
    return ToolResult("ok", kept, length=len(text), handoff=handoff)
