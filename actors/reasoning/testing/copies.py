"""The copies of reasoning in a test, one after the other: when one dies, another takes over what it held."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence

from actors.reasoning.shared import Shared
from actors.reasoning.testing.process import Process
from contracts.topology import REASONING
from infra.log.event_log import Fact
from infra.log.memory_log import MemoryStore
from infra.tape.tape import Tapes

TAKEN_OVER_S = 3.0
"""Time until another process gets what a dead one held, as JetStream has it."""

MakeTapes = Callable[[str], Tapes]
"""Returns the tapes of a process, by its name."""


class Copies:
    """The last one to start is alive, and is handed each fact that is stored. `make_shared` makes what each has."""

    def __init__(self, store: MemoryStore, make_tapes: MakeTapes, make_shared: Callable[[], Shared]) -> None:
        self._store = store
        self._make_tapes = make_tapes
        self._make_shared = make_shared
        self._processes: list[Process] = []
        self._deaths: set[asyncio.Task[None]] = set()

    @property
    def tasks(self) -> "set[asyncio.Task[None]]":
        """What goes on in the one that is alive, and between two."""
        return {*self._deaths, *self._processes[-1].tasks}

    @property
    def problems(self) -> Sequence[Exception]:
        """What their handlers raised."""
        return [problem for process in self._processes for problem in process.problems]

    def take(self, fact: Fact) -> None:
        """Hand over a fact that has just been stored."""
        for process in self._processes[-1:]:
            process.take(fact)

    async def start(self, left: Iterable[Fact] = ()) -> None:
        """Start one, which goes on with what another has left."""
        tapes = self._make_tapes(f"{REASONING}-{len(self._processes)}")
        process = Process(self._store, tapes, self._make_shared())
        await process.open()
        self._processes.append(process)
        for fact in left:
            process.deliver(fact)

    def die(self) -> None:
        """Begin the death of the one that is alive from within: what calls this goes no further."""
        self._processes[-1].die()
        death = asyncio.get_running_loop().create_task(self._taken_over())
        self._deaths.add(death)
        death.add_done_callback(self._deaths.discard)

    async def crash(self) -> None:
        """Let the one that is alive die; return when another has taken over."""
        self.die()
        await asyncio.gather(*self._deaths)

    async def close(self) -> None:
        """Stop what still runs."""
        for process in self._processes:
            with contextlib.suppress(Exception):
                await process.close()

    async def _taken_over(self) -> None:
        dead = self._processes[-1]
        await dead.buried()
        await asyncio.sleep(TAKEN_OVER_S)
        await self.start(dead.unhandled)
