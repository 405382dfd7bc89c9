"""Sessions with an MCP server that is a program of its own: kept from call to call, for it takes a second to start."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infra.process.tasks import ended

if TYPE_CHECKING:
    from mcp import ClientSession

MOST = 4
"""So many copies of the program at most: many servers do one thing after the other."""
PING_S = 2.0
"""How long an idle program may take to answer that it is alive."""
END_S = 5.0


class McpSessions:
    """Calls tools of a server as an interceptor of langchain-mcp-adapters.

    A call gets a copy of the program that has nothing to do, which is asked first whether it is alive; one that is not
    is replaced. What a call meets while it runs is not tried again: nobody knows whether it was done.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._copies: list[_Copy] = []

    async def __call__(self, request: Any, _start_another: Any) -> Any:
        """Call a tool. Raises what the server, or its start, leads to."""
        copy = self._free_copy()
        copy.calls += 1
        try:
            return await (await copy.session(self._connection)).call_tool(request.name, request.args)
        finally:
            copy.calls -= 1

    async def close(self) -> None:
        """End all copies."""
        await asyncio.gather(*(copy.end() for copy in self._copies))

    def _free_copy(self) -> "_Copy":
        free = min(self._copies, key=lambda copy: copy.calls, default=None)
        if free is None or (free.calls and len(self._copies) < MOST):
            free = _Copy()
            self._copies.append(free)
        return free


@dataclass(slots=True)
class _Copy:
    calls: int = 0
    """How many it is working on."""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    _started: "asyncio.Future[ClientSession] | None" = None
    _running: "asyncio.Task[None] | None" = None

    async def session(self, connection: Any) -> "ClientSession":
        """Return its session, a new one if the program does not run."""
        async with self._lock:
            if not await self._is_alive():
                await self.end()
                self._over = asyncio.Event()
                self._started = asyncio.get_running_loop().create_future()
                self._running = asyncio.create_task(self._run(connection, self._started), name="MCP server")
            assert self._started is not None
            return await asyncio.shield(self._started)

    async def end(self) -> None:
        """End the program."""
        if self._running is None:
            return
        self._over.set()
        await asyncio.wait([self._running], timeout=END_S)
        await ended(self._running)

    async def _is_alive(self) -> bool:
        if self._started is None or self._running is None or self._running.done():
            return False
        if not self._started.done() or self.calls > 1:
            return True  # it starts, or is at work and may answer late
        try:
            async with asyncio.timeout(PING_S):
                await (await self._started).send_ping()
        except Exception:  # whatever it is, the program does not answer
            return False
        return True

    async def _run(self, connection: Any, started: "asyncio.Future[ClientSession]") -> None:
        """Run the program until it is over: its session is opened and closed by one task, as anyio wants it."""
        from langchain_mcp_adapters.sessions import create_session

        over = self._over
        try:
            async with create_session(connection) as session:
                await session.initialize()
                if not started.done():
                    started.set_result(session)
                await over.wait()
        except Exception as error:  # the program, and the library that talks to it, may raise anything
            if not started.done():
                started.set_exception(error)
                started.exception()  # it is told to whoever waits, if anybody does
