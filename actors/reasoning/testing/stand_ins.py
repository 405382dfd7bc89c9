"""An agent's tools in a test: each run is noted, and one may be replaced or made to fail."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from actors.reasoning.testing.conditions import Conditions
from actors.reasoning.testing.faults import Die, Fail, Hang
from infra.agents.agent import Agent
from infra.agents.call import Call
from infra.agents.errors import BadAgent
from infra.agents.tool import Run, Tool

StandIn: TypeAlias = Fail | Hang | Die | Callable[..., Any]
"""What runs in place of a tool: a fault, or a function that is given the model's arguments."""


@dataclass(frozen=True, slots=True)
class ToolRun:
    """One run of a tool. `key` is its idempotency key, the same for each run of one call."""

    tool: str
    arguments: Mapping[str, object]
    call: Call

    @property
    def key(self) -> str:
        """Its idempotency key."""
        return self.call.idempotency_key


class WatchedTools:
    """The runs of the tools of a conversation. `die` ends the process that runs them."""

    def __init__(self, stand_ins: Mapping[str, StandIn], die: Callable[[], None]) -> None:
        self.runs: list[ToolRun] = []
        self._stand_ins = dict(stand_ins)
        self._deaths: dict[str, int] = {}
        self._die = die
        self._conditions = Conditions()

    def watched(self, agent: Agent) -> Agent:
        """Return an agent with the same tools, watched. Raises BadAgent for a stand-in of a tool that it has not."""
        return replace(agent, tools=[self.watch(tool) for tool in agent.named_tools.values()])

    def watch(self, tool: Tool) -> Tool:
        """Return the same tool, watched."""
        return replace(tool, run=self._run_of(tool))

    def check(self, agents: list[Agent], of_servers: Iterable[Tool]) -> None:
        """Raise BadAgent if a stand-in is for a tool that no agent has, and no MCP server."""
        known = {name for agent in agents for name in agent.named_tools} | {tool.name for tool in of_servers}
        if unknown := self._stand_ins.keys() - known:
            names = ", ".join(sorted(unknown))
            raise BadAgent(f"no agent has a tool {names}; there are: {', '.join(sorted(known)) or 'none'}")

    async def begun(self, tool: str) -> None:
        """Return when a tool has begun to run."""
        before = self._count(tool)
        await self._conditions.come_true(lambda: self._count(tool) > before)

    def _count(self, tool: str) -> int:
        return sum(run.tool == tool for run in self.runs)

    def _run_of(self, tool: Tool) -> Run:
        async def run(arguments: Mapping[str, object], call: Call) -> object:
            self.runs.append(ToolRun(tool.name, dict(arguments), call))
            self._conditions.check()
            stand_in = self._stand_ins.get(tool.name)
            if stand_in is None:
                return await tool.run(arguments, call)
            return await self._replaced(tool, stand_in, arguments, call)

        return run

    async def _replaced(self, tool: Tool, stand_in: StandIn, arguments: Mapping[str, object], call: Call) -> object:
        if isinstance(stand_in, Die):
            return await self._dying(tool, stand_in, arguments, call)
        if isinstance(stand_in, Fail | Hang):
            await stand_in.happen()
            return await tool.run(arguments, call)
        result = stand_in(**arguments)
        return await result if isinstance(result, Awaitable) else result

    async def _dying(self, tool: Tool, die: Die, arguments: Mapping[str, object], call: Call) -> object:
        deaths = self._deaths.get(tool.name, 0)
        if deaths >= die.times:
            return await tool.run(arguments, call)
        self._deaths[tool.name] = deaths + 1
        if die.after:
            await tool.run(arguments, call)
        self._die()
        return await asyncio.get_running_loop().create_future()
