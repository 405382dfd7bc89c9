"""The tools that one reply calls: each call is a fact before it runs, and so is what came of it, once."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from actors.reasoning.context import asker_id, attributes_of, call_of, participant_of, zone_of
from actors.reasoning.session_log import SessionLog
from actors.reasoning.tool_facts import ToolFacts
from actors.reasoning.tool_runs import ToolRuns
from actors.reasoning.tool_uses import Round, ToolUse
from actors.reasoning.tools import call_id_of
from actors.reasoning.written_calls import WrittenCall
from contracts import events as e
from contracts.answers import Cause
from infra.agents.agent import Agent
from infra.agents.call import FOR_ACTIONS, Call
from infra.agents.handoff import Handoff
from infra.agents.live_control import ControlOf, no_control
from infra.agents.running import NOT_KNOWN, ToolResult, longest_s, run_tool
from infra.agents.tool import Tool
from infra.process.tasks import ended
from infra.tape.tape import Packing, Plain

HandOver = Callable[[e.ToolCalled, Handoff], Awaitable[ToolResult]]
"""Lets another agent take over, and returns what the tool came to."""

UNKNOWN = f"it was interrupted when the process it ran in ended; {NOT_KNOWN}"
CANCELLED = "it was cancelled, as the caller interrupted"
ANSWER_S = 10.0
"""How long a call waits for a process of tools besides the time that the tool may take."""


@dataclass(frozen=True, slots=True)
class CallingReply:
    """The reply whose model calls tools: `about` is what its facts answer, `started` is done when it is in the log."""

    reply_id: str
    about: Cause
    started: "asyncio.Future[None]"


class ToolCalls:
    """Runs the tools of a reply.

    A reader runs at once and is cancelled when the reply is stopped. An action waits until the reply is no longer a
    draft (`granted`) and then goes on, whatever happens to the reply. `runs` has the tasks of this copy: one that has
    lost the reply to another still writes what came of its action. With `are_remote` the tools run in processes of
    tools (`actors.tools`): the fact of a call is the job, and its answer the fact of what came of it.
    """

    def __init__(
        self,
        log: SessionLog,
        reply: CallingReply,
        agent: Agent,
        runs: ToolRuns,
        hand_over: HandOver,
        control: ControlOf = no_control,
        are_remote: bool = False,
    ) -> None:
        self.granted = asyncio.Event()
        self.facts = ToolFacts(log, reply.reply_id, reply.about)
        self._log = log
        self._reply = reply
        self._reply_id = reply.reply_id
        self._turn_id = reply.about.turn_id
        self._agent = agent
        self._runs = runs
        self._hand_over = hand_over
        self._control = control
        self._are_remote = are_remote
        self._calls: Counter[str] = Counter()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._readers: set[str] = set()
        """Calls of readers that are running and may be cancelled."""
        self._is_stopped = False

    async def run(self, calls: Sequence[WrittenCall], round_number: int) -> list[ToolUse]:
        """Run the calls of one message of the model, side by side where the tools allow it; return what came of them.

        An invalid call is not run. What cannot be done is told in the text of the use.
        """
        await asyncio.shield(self._reply.started)  # the reply is appended before its tools
        found: list[ToolUse] = []
        for together in _together(calls, self._agent.named_tools):
            begun = [self._begun(call, round_number) for call in together]
            found += await asyncio.gather(*begun)
        return found

    async def taken_up(self) -> list[Round]:
        """Finish the calls that a process which has died left open; return all calls of the reply, by message."""
        await self._take_up(is_over=False)
        rounds: dict[int, list[ToolUse]] = {}
        for use in self._uses.values():
            rounds.setdefault(use.called.round, []).append(use)
            self._calls[call_id_of(self._reply_id, use.called.tool, use.arguments, 0)] += 1
        reply, before = self._log.session.replies[self._reply_id], 0
        said: list[Round] = []
        for number in sorted(rounds):
            until = rounds[number][0].clauses_before
            said.append(Round(reply.text_of(before, until), rounds[number]))
            before = until
        return said

    def stop(self) -> None:
        """Cancel the readers: the reply was interrupted or discarded."""
        self._is_stopped = True
        for call_id in self._readers:
            self._tasks[call_id].cancel()

    async def finish(self) -> None:
        """Wait for what still runs, the reply being over; also for what a process which has died left open."""
        await self._take_up(is_over=True)
        for task in self._tasks.values():
            await asyncio.shield(task)

    async def leave(self) -> None:
        """Stop the readers without a word: another copy goes on with the reply. Actions go on."""
        await ended(*(self._tasks[call_id] for call_id in self._readers))

    def become(self, agent: Agent, are_remote: bool) -> None:
        """Run the tools of another agent from now on: it has taken over."""
        self._agent, self._are_remote = agent, are_remote

    @property
    def _uses(self) -> Mapping[str, ToolUse]:
        return self.facts.uses

    async def _begun(self, call: WrittenCall, round_number: int) -> ToolUse:
        arguments = call.text if call.error else dict(call.arguments)
        key = call_id_of(self._reply_id, call.name, arguments, 0)
        call_id = call_id_of(self._reply_id, call.name, arguments, self._calls[key])
        self._calls[key] += 1
        tool = self._agent.named_tools.get(call.name) if not call.error else None
        if call_id not in self._uses:
            problem = call.error or self._why_not(tool, call, round_number)
            runs_action = tool is not None and tool.is_action and not problem
            if runs_action or (tool is not None and tool.hands_over and not problem):
                await self.granted.wait()
            called = self._called(call, call_id, tool, round_number)
            self._own(call_id, self._called_and_run(called, tool, problem))
        elif self._uses[call_id].is_open:
            await self._take_up(is_over=False)
        if (task := self._tasks.get(call_id)) is not None:
            await asyncio.shield(task)
        return self._uses[call_id]

    def _why_not(self, tool: Tool | None, call: WrittenCall, round_number: int) -> str:
        """Return why a readable call is not run; empty if it is."""
        if tool is None:
            return f"there is no tool {call.name!r}"
        if not tool.is_action:
            return ""
        for use in self._uses.values():
            is_same = use.called.tool == call.name and use.arguments == dict(call.arguments)
            if is_same and use.called.round < round_number and use.may_have_run:
                return f"it has been called with these arguments and does not run again: {use.text}"
        return ""

    def _called(self, call: WrittenCall, call_id: str, tool: Tool | None, round_number: int) -> e.ToolCalled:
        is_action = tool is not None and tool.is_action
        return self.facts.call(
            call_id,
            tool=call.name,
            arguments=call.text if call.error else json.dumps(dict(call.arguments), default=str),
            kind="action" if is_action else "reader",
            idempotency_key=call_id if is_action else "",
            idempotent=tool is not None and is_action and tool.idempotent,
            round=round_number,
            caller=self._caller() if self._is_remote(tool) else None,
        )

    def _is_remote(self, tool: Tool | None) -> bool:
        """Return whether a tool runs elsewhere; one that hands over does so here, as the reply goes on with it."""
        return self._are_remote and tool is not None and not tool.hands_over

    def _caller(self) -> e.ToolCaller:
        session = self._log.session
        return e.ToolCaller(
            user_id=asker_id(session, self._turn_id),
            agent=self._agent.name,
            variables=session.profile.variables if session.profile is not None else {},
            attributes=dict(attributes_of(session, self._turn_id)),
            time_zone=zone_of(session, self._turn_id),
            participant_id=participant_of(session, self._turn_id),
        )

    def _own(self, call_id: str, work: Any) -> None:
        self._tasks[call_id] = self._runs.begin(call_id, work)

    async def _take_up(self, is_over: bool) -> None:
        """Finish open calls: those of this copy as they are, others as far as they may run again."""
        for call_id, use in list(self._uses.items()):
            if not use.is_open or call_id in self._tasks:
                continue
            if (running := self._runs.of(call_id)) is not None:
                self._tasks[call_id] = running
            else:
                self._own(call_id, self._gone_on(use, is_over))
        open_tasks = [self._tasks[call_id] for call_id, use in self._uses.items() if use.is_open]
        for task in open_tasks:
            await asyncio.shield(task)

    async def _called_and_run(self, called: e.ToolCalled, tool: Tool | None, problem: str) -> None:
        """Append the call, run it, and append what came of it."""
        is_ours = await self.facts.append_call(called)
        if problem or tool is None:
            await self.facts.append_return(called, ToolResult("failed", error=problem, attempts=0), 0)
        elif is_ours:
            await self._run(called, tool)
        else:
            await self._gone_on(self._uses[called.call_id], is_over=False)

    async def _gone_on(self, use: ToolUse, is_over: bool) -> None:
        """Do what is left of a call that another process had begun, and perhaps finished."""
        if not use.is_open:
            return
        tool = self._agent.named_tools.get(use.called.tool)
        if (result := _instead_of_running(use, tool, is_over)) is not None:
            await self.facts.append_return(use.called, result, 0)
        elif tool is not None:
            await self._run(use.called, tool)

    async def _run(self, called: e.ToolCalled, tool: Tool) -> None:
        begun_s = time.monotonic()
        if tool.is_action:
            result = await self._result(called, tool)
        else:
            result = await self._read(called, tool)
        if result.handoff is not None:
            result = await self._hand_over(called, result.handoff)
        await self.facts.append_return(called, result, (time.monotonic() - begun_s) * 1000)

    async def _read(self, called: e.ToolCalled, tool: Tool) -> ToolResult:
        """Return what came of a reader; that it was cancelled, if the reply is stopped meanwhile."""
        cancelled = ToolResult("cancelled", error=CANCELLED, attempts=0)
        if self._is_stopped:
            return cancelled
        self._readers.add(called.call_id)
        try:
            result = await self._result(called, tool)
            if result.handoff is not None:
                await self.granted.wait()  # a draft hands nothing over
            return result
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._is_stopped or task is None:
                raise
            task.uncancel()
            return cancelled
        finally:
            self._readers.discard(called.call_id)

    async def _result(self, called: e.ToolCalled, tool: Tool) -> ToolResult:
        """Return what a tool returns, through the tape."""
        arguments = dict(json.loads(called.arguments))
        if called.caller is not None:
            return await self._answer_of_another(called, tool)
        call = self._call(called, tool)

        async def run() -> ToolResult:
            return await run_tool(tool, arguments, call)

        written = json.dumps(arguments, sort_keys=True, default=str)
        request = {"tool": tool.name, "arguments": written, "zone": call.time_zone}
        return await self._log.tape.result("tool", called.call_id, request, run, RESULT)

    async def _answer_of_another(self, called: e.ToolCalled, tool: Tool) -> ToolResult:
        """Wait for what a process of tools returns; return what to record if none does."""
        limit_s = longest_s(tool) + ANSWER_S

        async def wait() -> bool:
            try:
                async with asyncio.timeout(limit_s):
                    await self._log.until(lambda: not self._uses[called.call_id].is_open)
            except TimeoutError:
                return False
            return True

        request = {"tool": tool.name, "arguments": called.arguments, "remote": True}
        if not await self._log.tape.result("tool", called.call_id, request, wait):
            await self._log.refresh()
        error = f"no process of tools answered within {limit_s:g} s"
        error = f"{error}; {NOT_KNOWN}" if tool.is_action else error
        return ToolResult("timed-out", error=error, attempts=0)  # recorded only if nothing has come

    def _call(self, called: e.ToolCalled, tool: Tool) -> Call:
        session = self._log.session
        participant_id = participant_of(session, self._turn_id)
        control = self._control(called, participant_id) if tool.is_action else FOR_ACTIONS
        call = call_of(session, self._agent, self._turn_id)
        return replace(call, idempotency_key=called.call_id, control=control)


def _instead_of_running(use: ToolUse, tool: Tool | None, is_over: bool) -> ToolResult | None:
    """Return what to record of a call that a dead process has left; None if it runs again."""
    is_action = use.is_action or (tool is not None and tool.is_action)
    if use.called.caller is not None and is_action:
        return None  # another process runs it
    if is_action and not (use.called.idempotent and tool is not None):
        return ToolResult("unknown", error=UNKNOWN, attempts=0)
    if not is_action and is_over:
        return ToolResult("cancelled", error=CANCELLED, attempts=0)
    if tool is None:
        return ToolResult("failed", error=f"there is no tool {use.called.tool!r}", attempts=0)
    return None


def _together(calls: Sequence[WrittenCall], tools: Mapping[str, Tool]) -> list[list[WrittenCall]]:
    """Return the calls in groups that may run side by side, in their order."""
    groups: list[list[WrittenCall]] = []
    is_open = False
    for call in calls:
        tool = tools.get(call.name)
        is_parallel = tool is None or tool.parallel
        if is_open and is_parallel:
            groups[-1].append(call)
        else:
            groups.append([call])
        is_open = is_parallel
    return groups


def _packed(result: ToolResult) -> Plain:
    handoff = result.handoff
    to = [handoff.to, handoff.say, handoff.summary, dict(handoff.variables)] if handoff is not None else None
    return [result.outcome, result.result, result.error, result.attempts, result.length, to]


def _unpacked(packed: Plain) -> ToolResult:
    outcome, result, error, attempts, length, to = packed
    return ToolResult(outcome, result, error, attempts, length, Handoff(*to) if to is not None else None)


RESULT: Packing[ToolResult] = Packing(_packed, _unpacked)
