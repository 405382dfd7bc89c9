"""The tools that one reply calls: each call is a fact, and a call with a result in the log never runs again."""

import asyncio
import json
import logging
import time
from collections import Counter
from typing import Any

from actors.reasoning.context import asker_id, attributes_of, zone_of
from actors.reasoning.session_log import SessionLog
from actors.reasoning.tools import call_id_of
from actors.reasoning.written_calls import WrittenCall
from contracts.answers import Answer, Cause, answer
from contracts.events import ToolCalled, ToolReturned
from infra.agents.agent import Agent
from infra.agents.call import Call
from infra.agents.errors import ToolFailed
from infra.agents.tool import Tool, text_of
from infra.log.event_log import now_ns
from infra.process.tasks import own_cancellation_only
from infra.tape.tape import Packing

RESULT: Packing[str] = Packing(str, str, (ToolFailed, TimeoutError))

log = logging.getLogger(__name__)


class ToolCalls:
    """Runs the tools of a reply.

    An action waits until the reply is no longer a draft (`granted`), and is not run again if a process died
    while it ran: how far it got is unknown.
    """

    def __init__(
        self,
        log: SessionLog,
        cause_id: str,
        turn_id: str | None,
        reply_id: str,
        started: "asyncio.Future[None]",
        agent: Agent,
    ) -> None:
        self.granted = asyncio.Event()
        self._log = log
        self._cause_id = cause_id
        self._turn_id = turn_id
        self._reply_id = reply_id
        self._started = started
        self._agent = agent
        self._calls: Counter[str] = Counter()

    async def run(self, call: WrittenCall) -> str:
        """Return a tool's result, or what went wrong as a text for the model; an invalid call is not run."""
        await asyncio.shield(self._started)  # the reply is appended before its tools
        arguments = call.text if call.error else dict(call.arguments)
        key = call_id_of(self._reply_id, call.name, arguments, 0)
        call_id = call_id_of(self._reply_id, call.name, arguments, self._calls[key])
        self._calls[key] += 1
        tool = self._agent.named_tools.get(call.name) if not call.error else None
        known = self._log.session.replies[self._reply_id].tools
        was_called = call_id in known
        if (recorded := known.get(call_id)) is not None:
            return recorded.error or recorded.result
        if tool is not None and tool.is_action:
            await self.granted.wait()
        if not was_called:
            written = call.text if call.error else json.dumps(arguments, default=str)
            await self._log.append(self._answer(ToolCalled, call_id, tool=call.name, arguments=written))
        returned = await self._returned(tool, call, call_id, was_called)
        await self._log.append(returned)
        return returned.error or returned.result

    async def _returned(self, tool: Tool | None, call: WrittenCall, call_id: str, was_called: bool) -> ToolReturned:
        begun_s, result, error = time.monotonic(), "", None
        timeout_s = tool.timeout_s if tool is not None else 0.0
        try:
            if tool is None:
                raise ToolFailed(call.error or f"there is no tool {call.name!r}")
            if was_called and tool.is_action:
                raise ToolFailed("it was interrupted; whether it took effect is not known")
            result = await self._result(tool, dict(call.arguments), call_id)
        except ToolFailed as failure:
            error = str(failure)[:500]
        except TimeoutError:
            error = f"it took longer than {timeout_s:g} s"
        except Exception:  # a tool may raise anything: details go to the process's log file, not to the caller
            log.exception("the tool %s failed", call.name)
            error = "it failed"
        elapsed_ms = (time.monotonic() - begun_s) * 1000
        returned = {"tool": call.name, "result": result, "error": error, "elapsed_ms": elapsed_ms}
        return self._answer(ToolReturned, call_id, **returned)

    async def _result(self, tool: Tool, arguments: dict[str, Any], call_id: str) -> str:
        """Return what a tool returns, through the tape. Raises ToolFailed, TimeoutError, or what the tool raises."""
        zone = zone_of(self._log.session, self._turn_id)

        async def run() -> str:
            with own_cancellation_only():
                async with asyncio.timeout(tool.timeout_s):
                    return text_of(await tool.run(arguments, self._call(call_id, zone)))

        written = json.dumps(arguments, sort_keys=True, default=str)
        request = {"tool": tool.name, "arguments": written, "zone": zone}
        return await self._log.tape.result("tool", call_id, request, run, RESULT)

    def _call(self, call_id: str, zone: str) -> Call:
        session = self._log.session
        variables = session.profile.variables if session.profile is not None else {}
        return Call(
            session.session_id,
            user_id=asker_id(session, self._turn_id),
            agent=self._agent.name,
            variables=variables,
            attributes=attributes_of(session, self._turn_id),
            turn_id=self._turn_id,
            idempotency_key=call_id,
            time_zone=zone,
        )

    def _answer(self, event_class: type[Answer], call_id: str, **fields: Any) -> Answer:
        cause = Cause(self._log.session.session_id, self._cause_id, self._turn_id)
        fields |= {"reply_id": self._reply_id, "call_id": call_id}
        return answer(cause, event_class, time_ns=now_ns(), id_from=call_id, **fields)
