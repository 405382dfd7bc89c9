"""One process of reasoning in a test: the real actor, on a log in memory. It can die, and another goes on."""

import asyncio
from collections import deque
from collections.abc import Coroutine, Iterable
from functools import lru_cache
from typing import Any

from faststream.nats import NatsBroker

from actors.reasoning.actor import listen, take_events
from actors.reasoning.answering import Reasoning
from actors.reasoning.end_scoring import EndScoring
from actors.reasoning.graph import Graph, compile_graph
from actors.reasoning.shared import Shared
from actors.reasoning.wire import SilentWire
from contracts.events import Event
from infra.log.event_log import Appended, ExpectedSequence, Fact
from infra.log.memory_log import MemoryStore
from infra.log.taped_log import TapedLog
from infra.process.tasks import ended
from infra.tape.deliveries import CANCELLED, HANDLED, LIVE
from infra.tape.handling import handler_called
from infra.tape.tape import Tapes


@lru_cache(maxsize=1)
def graph_of_all() -> Graph:
    """Return the compiled graph: it holds no state, and compiling it takes longer than a turn."""
    return compile_graph()


class Process:
    """A copy of the actor. Facts are handed to it as its inbox and its live subscription do.

    A message is held until its handler, and the task that this may return, are through: `unhandled` are those that
    another process gets when this one dies.
    """

    def __init__(self, store: MemoryStore, tapes: Tapes, shared: Shared, scoring: EndScoring | None = None) -> None:
        self._alive = _WhileAlive(store)
        self._reasoning = Reasoning(TapedLog(self._alive, tapes), tapes, SilentWire(), shared, scoring=scoring)
        unconnected = NatsBroker()
        self._inbox = take_events(unconnected, self._reasoning)
        self._live = listen(unconnected, self._reasoning)
        self._tapes = tapes
        self._waiting: deque[Fact] = deque()
        self._held: dict[int, Fact] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._handling: dict[asyncio.Task[None], None] = {}
        self._is_taking = False
        self.problems: list[Exception] = []
        """What handlers raised: a fault of the actor, or of the test's facts."""

    async def open(self) -> None:
        """Load the models."""
        await self._reasoning.open()

    async def close(self) -> None:
        """Stop what still runs."""
        await ended(*self._tasks)
        await self._reasoning.close()

    @property
    def tasks(self) -> Iterable["asyncio.Task[None]"]:
        """What it is doing."""
        return self._tasks

    @property
    def unhandled(self) -> Iterable[Fact]:
        """The facts that it was given and that it is not through with."""
        return [self._held[sequence] for sequence in sorted(self._held)]

    def take(self, fact: Fact) -> None:
        """Hand over a fact that has just been stored."""
        if isinstance(fact.event, self._live.events):
            self._own(self._hear(fact))
        if isinstance(fact.event, self._inbox.events):
            self.deliver(fact)

    def deliver(self, fact: Fact) -> None:
        """Hand over a message of the inbox."""
        self._held[fact.sequence] = fact
        self._waiting.append(fact)
        if not self._is_taking:
            self._is_taking = True
            self._note_handling(self._own(self._handle_all()))

    def die(self) -> None:
        """End at once: nothing that it does from now on is stored."""
        self._alive.is_dead = True

    async def freeze(self) -> None:
        """Lose the messages that it holds, as after a long freeze, and be given them again."""
        self._waiting.clear()
        await ended(*self._handling)
        lost = list(self.unhandled)
        self._held.clear()
        for fact in lost:
            self.deliver(fact)

    async def buried(self) -> None:
        """End the tasks of a process that has died."""
        await ended(*self._tasks)

    def _own(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _note_handling(self, task: "asyncio.Task[None]") -> None:
        self._handling[task] = None
        task.add_done_callback(lambda done: self._handling.pop(done, None))

    async def _hear(self, fact: Fact) -> None:
        with handler_called(self._tapes.of(fact.event.session_id), LIVE, fact.sequence):
            await self._live.handle(fact.event)

    async def _handle_all(self) -> None:
        """Handle what waits, one after the other; the next one does not wait for the task of the one before."""
        try:
            while self._waiting:
                started = asyncio.get_running_loop().create_future()
                self._note_handling(self._own(self._handle(self._waiting.popleft(), started)))
                await started
        finally:
            self._is_taking = False

    async def _handle(self, fact: Fact, started: "asyncio.Future[None]") -> None:
        try:
            tape = self._tapes.of(fact.event.session_id)
            with handler_called(tape, HANDLED, fact.sequence):
                try:
                    await self._run_handler(fact, started)
                except asyncio.CancelledError:
                    tape.took(CANCELLED, fact.sequence)
                    raise
        except Exception as error:  # the conversation raises it where the test is
            self.problems.append(error)
        finally:
            if not started.done():
                started.set_result(None)
        del self._held[fact.sequence]

    async def _run_handler(self, fact: Fact, started: "asyncio.Future[None]") -> None:
        rest = await self._inbox.handle(fact.event)
        if rest is None:
            return
        started.set_result(None)
        try:
            await rest
        finally:
            await ended(rest)


class _WhileAlive:
    """The store as a process sees it, which may have died: then nothing that it wants is done any more."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.is_dead = False

    async def append_once(self, event: Event, expected: ExpectedSequence | None, patience_s: float) -> Appended:
        await self._pulse()
        return await self._store.append_once(event, expected, patience_s)

    async def fact(self, session_id: str, sequence: int) -> Fact | None:
        await self._pulse()
        return await self._store.fact(session_id, sequence)

    async def facts_after(self, session_id: str, after: int, patience_s: float, subjects: str) -> list[Fact]:
        await self._pulse()
        return await self._store.facts_after(session_id, after, patience_s, subjects)

    async def _pulse(self) -> None:
        await asyncio.sleep(0)  # others get their turn, as they do while a message is under way
        if self.is_dead:
            await asyncio.get_running_loop().create_future()
