"""Tools of MCP servers. An agent goes on without a server that is away or answers rubbish, which is asked again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from infra.agents.agent import TOOL_NAME, Agent
from infra.agents.call import Call
from infra.agents.errors import BadAgent
from infra.agents.mcp_sessions import McpSessions
from infra.agents.tool import Run, Tool, tool_of
from infra.process.tasks import ended, own_cancellation_only
from infra.tape.tape import Packing, Plain

log = logging.getLogger(__name__)

ASK_S = 10.0
"""How long a server may take to list its tools."""
RETRY_S = 30.0
"""How long one that did not is left alone."""
START_S = 5.0
"""How long a process that starts waits for the servers' tools."""

READERS, IDEMPOTENT = "readers", "idempotent"
"""Names in an agent's `mcp` that are for us: tools that change nothing, and actions that may run again."""

Connection = Mapping[str, object]
Ask = Callable[[str, Connection], Awaitable[Sequence[Tool]]]


class McpServers:
    """The servers that agents name, and the tools that these have told of."""

    def __init__(self, agents: Iterable[Agent] = (), ask: Ask | None = None) -> None:
        self._servers = [(agent, name) for agent in agents for name in agent.mcp]
        self._ask = ask or self._tools_at
        self._sessions: list[McpSessions] = []
        self._tools: dict[tuple[str, str], list[Tool]] = {}
        self._problems: dict[tuple[str, str], str] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Ask all servers, and wait until each was asked, `START_S` at most."""
        asked = [asyncio.get_running_loop().create_future() for _ in self._servers]
        for (agent, name), first in zip(self._servers, asked, strict=True):
            work = self._until_known(agent, name, first)
            self._tasks.append(asyncio.create_task(work, name=f"MCP server {name}"))
        if asked:
            await asyncio.wait(asked, timeout=START_S)

    async def close(self) -> None:
        """Stop asking, and end the servers that are programs of their own."""
        await ended(*self._tasks)
        await asyncio.gather(*(sessions.close() for sessions in self._sessions))

    async def _tools_at(self, name: str, connection: Connection) -> list[Tool]:
        if connection.get("transport") != "stdio":
            return await tools_at(name, connection)
        sessions = McpSessions(_known_to_adapters(connection))
        found = await tools_at(name, connection, sessions)
        self._sessions.append(sessions)
        return found

    def tools_of(self, agent: Agent) -> list[Tool]:
        """Return the tools that an agent's servers have told of by now."""
        return [tool for name in agent.mcp for tool in self._tools.get((agent.name, name), ())]

    def missing_of(self, agent: Agent) -> dict[str, str]:
        """Return the servers of an agent that have not told of their tools by now, with the reason."""
        waiting = [name for name in agent.mcp if (agent.name, name) not in self._tools]
        return {name: self._problems.get((agent.name, name), "it has not answered yet") for name in waiting}

    async def _until_known(self, agent: Agent, name: str, first: "asyncio.Future[None]") -> None:
        problem = ""
        while (said := await self._problem_with(agent, name)) is not None:
            if said != problem:
                log.error("agent %s goes on without the MCP server %s: %s", agent.name, name, said)
            problem = self._problems[agent.name, name] = said
            if not first.done():
                first.set_result(None)
            await asyncio.sleep(RETRY_S)
        if not first.done():
            first.set_result(None)

    async def _problem_with(self, agent: Agent, name: str) -> str | None:
        """Ask a server for its tools; return why that did not work, None if it did."""
        try:
            with own_cancellation_only():
                async with asyncio.timeout(ASK_S):
                    found = await self._ask(name, agent.mcp[name])
            self._tools[agent.name, name] = self._usable(agent, name, found)
        except Exception as error:  # a server, and the library that talks to it, may raise anything
            return _told(error)
        return None

    def _usable(self, agent: Agent, server: str, found: Sequence[Tool]) -> list[Tool]:
        """Return the tools whose names models accept and nothing else of the agent has."""
        taken = {*agent.named_tools, *(tool.name for tool in self.tools_of(agent))}
        usable = []
        for tool in found:
            if tool.name in taken or not TOOL_NAME.fullmatch(tool.name):
                why = "that name is taken" if tool.name in taken else "models accept no such name"
                log.error("agent %s goes on without %r of the MCP server %s: %s", agent.name, tool.name, server, why)
                continue
            taken.add(tool.name)
            usable.append(tool)
        return usable


async def tools_at(name: str, connection: Connection, sessions: McpSessions | None = None) -> list[Tool]:
    """Return the tools of a server: actions, but for those that the agent says are readers.

    They run in `sessions`, or each call in a session of its own.

    Raises BadAgent, TypeError or ValueError for a connection that cannot be used, and whatever the server leads to.
    """
    from langchain_mcp_adapters.client import MultiServerMCPClient

    readers, idempotent = _names(connection, READERS), _names(connection, IDEMPOTENT)
    how = _known_to_adapters(connection)
    through: list[Any] = [sessions] if sessions is not None else []
    client = MultiServerMCPClient({name: how}, tool_interceptors=through, handle_tool_errors=False)
    found = [tool_of(tool) for tool in await client.get_tools(server_name=name)]
    return [_marked(tool, tool.name in readers, tool.name in idempotent) for tool in found]


def _known_to_adapters(connection: Connection) -> Any:
    return {key: value for key, value in connection.items() if key not in (READERS, IDEMPOTENT)}


def _names(connection: Connection, key: str) -> Sequence[str]:
    names = connection.get(key, ())
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise BadAgent(f"{key!r} of an MCP server is a list of names of tools, not {names!r}")
    return names


def _marked(tool: Tool, is_reader: bool, is_idempotent: bool) -> Tool:
    run = _text_only(tool.run)
    return replace(tool, run=run) if is_reader else replace(tool, run=run, kind="action", idempotent=is_idempotent)


def _text_only(run: Run) -> Run:
    """Return what runs a tool, with blocks of text joined: that is how servers answer."""

    async def run_it(arguments: Mapping[str, object], call: Call) -> object:
        returned = await run(arguments, call)
        blocks = returned if isinstance(returned, list) else []
        texts = [str(each.get("text", "")) for each in blocks if isinstance(each, dict) and each.get("type") == "text"]
        return "\n".join(texts) if blocks and len(texts) == len(blocks) else returned

    return run_it


def _told(error: BaseException) -> str:
    """Return why a server could not be asked; what runs in groups of tasks hides its reason in groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return f"it did not answer within {ASK_S:g} s"
    return f"{type(error).__name__}: {error}"[:500]


async def _never(_arguments: Mapping[str, object], _call: Call) -> object:
    raise AssertionError("a replay runs no tool")


@dataclass(frozen=True, slots=True)
class ToldOf:
    """What an agent's servers have told of: their `tools`; `missing` are those that have not, with the reason."""

    tools: list[Tool] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)


def _packed(told: ToldOf) -> Plain:
    tools = [
        [tool.name, tool.description, dict(tool.parameters), tool.kind, tool.idempotent, tool.parallel]
        for tool in told.tools
    ]
    return [tools, told.missing]


def _unpacked(packed: Plain) -> ToldOf:
    tools, missing = packed
    return ToldOf(
        [
            Tool(name, told, parameters, _never, kind=kind, idempotent=idempotent, parallel=parallel)
            for name, told, parameters, kind, idempotent, parallel in tools
        ],
        missing,
    )


TOLD_OF: Packing[ToldOf] = Packing(_packed, _unpacked)
"""For a replay, which asks no server."""
