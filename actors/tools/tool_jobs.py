"""Calls of tools as jobs: which one this copy may run, how it runs, and what it appends."""

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass
from typing import Any

from contracts import events as e
from contracts.answers import Answer, answer
from contracts.topology import session_subjects
from infra.agents.call import FOR_ACTIONS, Call
from infra.agents.live_control import ControlOf, Keypads, no_control
from infra.agents.loading import Agents
from infra.agents.mcp_tools import McpServers
from infra.agents.running import NOT_KNOWN, ToolResult, run_tool
from infra.agents.tool import Tool
from infra.log.event_log import ExpectedSequence, StaleWriter, now_ns
from infra.log.inbox import Job
from infra.log.taped_log import EventLog

UNKNOWN = f"the process in which it ran ended; {NOT_KNOWN}"
ITSELF = "the tool itself, which returned after all"
GRACE_S = 2.0
"""How long a process that ends waits for what runs."""


@dataclass(slots=True)
class _Known:
    """What the log has of a call, and the last sequence about the session's tools."""

    last: int = 0
    begun: e.ToolBegun | None = None
    returned: e.ToolReturned | None = None


class ToolJobs:
    """Runs the calls that a copy gets.

    A reader, and an idempotent action, may run in several copies one after the other. Any other action is begun once:
    whoever appends `ToolBegun` runs it. One that was begun by a process which has died is `unknown`. `control` is
    what an action can do to its call; the keys that it asks for come through `keypads`.
    """

    def __init__(
        self,
        log: EventLog,
        agents: Agents,
        servers: McpServers,
        instance: str,
        control: ControlOf = no_control,
        keypads: Keypads | None = None,
    ) -> None:
        self._log = log
        self._agents = agents
        self._servers = servers
        self._instance = instance
        self._control = control
        self._keypads = keypads or Keypads()
        self._begun: set[str] = set()
        self._cancelled: set[str] = set()
        self._running: dict[str, asyncio.Task[None]] = {}

    async def take(self, called: e.ToolCalled) -> Job | None:
        """Begin to run a call, if it is a job, this copy has the tool, and nobody has answered it."""
        tool = self._tool(called)
        if called.caller is None or tool is None or called.call_id in self._begun:
            return None
        if (await self._known(called)).returned is not None:
            return None
        if called.kind == "action" and not called.idempotent and not await self._is_ours(called):
            await self._append_return(called, ToolResult("unknown", error=UNKNOWN, attempts=0), 0)
            return None
        self._begun.add(called.call_id)
        task = self._running[called.call_id] = asyncio.create_task(self._run(called, tool), name=called.call_id)
        task.add_done_callback(lambda _: self._over(called.call_id))
        return task

    def cancel(self, returned: e.ToolReturned) -> None:
        """Stop a reader of which somebody has appended that it was cancelled."""
        task = self._running.get(returned.call_id)
        if returned.outcome == "cancelled" and task is not None:
            self._cancelled.add(returned.call_id)
            task.cancel()

    def key_pressed(self, event: e.DtmfReceived) -> None:
        """Pass a key of somebody's phone to the tools that wait for one."""
        self._keypads.take(event)

    async def finish(self) -> None:
        """Wait until nothing runs, `GRACE_S` at most: what ends in time is not unknown."""
        if self._running:
            await asyncio.wait(list(self._running.values()), timeout=GRACE_S)

    def _over(self, call_id: str) -> None:
        self._running.pop(call_id, None)
        self._begun.discard(call_id)
        self._cancelled.discard(call_id)

    def _tool(self, called: e.ToolCalled) -> Tool | None:
        agent = self._agents.of(called.caller.agent) if called.caller is not None else None
        if agent is None:
            return None
        of_servers = {tool.name: tool for tool in self._servers.tools_of(agent)}
        return agent.named_tools.get(called.tool) or of_servers.get(called.tool)

    async def _known(self, called: e.ToolCalled) -> _Known:
        """Return what is known of a call by now."""
        known = _Known()
        subjects = session_subjects(called.session_id, "tool")
        for fact in await self._log.facts_after(called.session_id, 0, subjects=subjects):
            known.last = fact.sequence
            if getattr(fact.event, "call_id", "") != called.call_id:
                continue
            if isinstance(fact.event, e.ToolBegun):
                known.begun = known.begun or fact.event
            elif isinstance(fact.event, e.ToolReturned):
                known.returned = known.returned or fact.event
        return known

    async def _is_ours(self, called: e.ToolCalled) -> bool:
        """Append that this copy begins to run the call; return whether it may, being the first."""
        while True:
            known = await self._known(called)
            if known.returned is not None or known.begun is not None:
                return False
            begun = self._event(e.ToolBegun, called)
            try:
                fact = await self._log.append(begun, self._expecting(called, known.last))
            except StaleWriter:
                continue
            return fact.event.appended_by == self._instance

    async def _run(self, called: e.ToolCalled, tool: Tool) -> None:
        begun_s = time.monotonic()
        try:
            result = await run_tool(tool, json.loads(called.arguments), self._call(called))
        except asyncio.CancelledError:
            if called.call_id in self._cancelled:
                return  # what came of it is in the log
            raise
        await self._append_return(called, result, (time.monotonic() - begun_s) * 1000)

    async def _append_return(self, called: e.ToolCalled, result: ToolResult, elapsed_ms: float) -> None:
        """Append what came of a call; if it had been given up meanwhile, what came of it after all."""
        told = {"result": result.result, "error": result.error or None}
        more = {"outcome": result.outcome, "attempts": result.attempts, "length": result.length}
        returned = self._event(e.ToolReturned, called, elapsed_ms=elapsed_ms, **told, **more)
        while (known := await self._known(called)).returned is None:
            with contextlib.suppress(StaleWriter):
                await self._log.append(returned, self._expecting(called, known.last))
        if known.returned.outcome in ("unknown", "timed-out") and result.outcome in ("ok", "failed"):
            await self._log.append(self._event(e.ToolSettled, called, by=ITSELF, **told))

    def _call(self, called: e.ToolCalled) -> Call:
        caller = called.caller or e.ToolCaller()
        may_act = called.kind == "action"
        return Call(
            called.session_id,
            user_id=caller.user_id,
            agent=caller.agent,
            variables=caller.variables,
            attributes=caller.attributes,
            turn_id=called.turn_id,
            idempotency_key=called.idempotency_key,
            time_zone=caller.time_zone,
            control=self._control(called, caller.participant_id) if may_act else FOR_ACTIONS,
        )

    def _expecting(self, called: e.ToolCalled, last: int) -> ExpectedSequence:
        return ExpectedSequence(session_subjects(called.session_id, "tool"), last)

    def _event(self, event_class: type[Answer], called: e.ToolCalled, **fields: Any) -> Answer:
        fields |= {"reply_id": called.reply_id, "call_id": called.call_id, "tool": called.tool}
        return answer(called, event_class, time_ns=now_ns(), id_from=called.call_id, **fields)
