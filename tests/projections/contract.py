"""What every projection keeps to. The test class of each one inherits this, and says how its copy is looked at.

The projection runs as its app, on a real log and a real server.
"""

import asyncio
import importlib
import os
import random
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import msgpack
import pytest
from faststream import FastStream
from faststream.nats import NatsBroker

from contracts.codec import encode
from contracts.events import Event, TurnRecorded
from contracts.ids import derive_id
from contracts.topology import VOICE, subject_of
from infra.bench.conversations import conversations
from infra.bench.filling import fill_log
from infra.erasure import erase_session
from infra.log.connection import connection, jetstream
from infra.log.event_log import append
from infra.projection import Projection
from infra.settings import Settings, settings
from infra.system.processes import dying_with_parent
from projections.status import Status, ask_status, log_end
from tests.actors.running import running

PATIENCE_S = 60.0
SECRET = "the owl sleeps under the third bridge"


class ProjectionContract(ABC):
    """Inherit it with `row` and what is abstract; a fixture `copy` of the test's module has the settings ready."""

    row: ClassVar[Projection]
    facts_while_killed: ClassVar[int] = 900

    @abstractmethod
    async def contents(self, settings: Settings) -> list[tuple[object, ...]]:
        """All that the copy holds, in an order of its own: the same for the same copy."""

    @abstractmethod
    async def damage(self, settings: Settings) -> None:
        """Change what the copy holds behind the projection's back."""

    async def rebuild(self, settings: Settings, broker: NatsBroker) -> None:
        """Make the copy anew, while the projection does not run."""
        assert self.row.rebuild is not None
        await self.row.rebuild(settings, connection(broker), lambda *_: None, False)

    async def test_killed_while_facts_come_it_loses_and_doubles_nothing(
        self, copy: Settings, broker: NatsBroker, tmp_path: Path
    ) -> None:
        facts = list(conversations(self.facts_while_killed, dimensions=8))
        chance, kills = random.Random(4), 2
        each = len(facts) // (kills + 1)
        async with copies(self.row.app, tmp_path / "copies.log") as start_another:
            for kill in range(kills + 1):
                pid = await start_another()
                filling = asyncio.create_task(_fill_slowly(broker, facts[kill * each : (kill + 1) * each]))
                try:
                    # Each gets somewhere on its way and dies there; the last one gets home.
                    place = kill * each + chance.randrange(1, each) if kill < kills else await filling
                    await self._reached(broker, place, pid)
                finally:
                    os.kill(pid, signal.SIGKILL)
                await filling
        assert await self.row.verify(copy, connection(broker)) == []
        assert len(await self.contents(copy)) == len(set(await self.contents(copy))) > 0

    async def test_what_is_erased_from_the_log_is_erased_here_or_the_receipt_says_how_long_it_stays(
        self, copy: Settings, broker: NatsBroker
    ) -> None:
        facts = list(conversations(200, dimensions=8))
        facts[-1] = _turn("owls", SECRET)
        await fill_log(jetstream(broker), facts)
        async with self._projecting(broker):
            assert SECRET in str(await self.contents(copy))
            receipt = await erase_session(broker, "owls", "asked for it", force=True, wait_s=PATIENCE_S, settle_s=0)
            await self._reached(broker, await log_end(connection(broker)))
            assert await self.row.verify(copy, connection(broker)) == []
        if self.row.unerased is None:
            assert "SessionErased" in str(await self.contents(copy))
            assert receipt.projections[self.row.name].startswith("a SessionErased event follows there")
        else:
            assert receipt.projections[self.row.name] == "applied"
            assert SECRET not in str(await self.contents(copy))
        assert self.row.out_of_reach in receipt.out_of_reach

    @pytest.mark.parametrize("shape", ["the same", "another"])
    async def test_a_fact_of_a_future_schema_stops_it_with_what_to_do_and_loses_nothing(
        self, copy: Settings, broker: NatsBroker, shape: str
    ) -> None:
        js = jetstream(broker)
        before = await fill_log(js, [_turn("s-1", "before")])
        future = _turn("s-1", "of the future")
        fields = {**msgpack.unpackb(encode(future)), "schema_version": future.SCHEMA_VERSION + 1}
        if shape == "another":
            del fields["user_text"]
        ack = await js.publish(subject_of(future), bytes(msgpack.packb(fields)), stream=VOICE)
        after = await fill_log(js, [_turn("s-1", "after")])
        async with running(self._app(), self.row.process, broker):
            stopped = await self._in_state(broker, "stopped")
            assert stopped.position == before
            assert f"fact {ack.seq} (TurnRecorded on voice.s-1.turn.recorded)" in stopped.reason
            assert "schema version 3, this program knows 2: install the newer program" in stopped.reason
            assert "before" in str(await self.contents(copy))
            assert "after" not in str(await self.contents(copy))
        # A program that can read it goes on behind it; here it is taken away.
        await js.delete_msg(VOICE, ack.seq)
        async with self._projecting(broker):
            assert "after" in str(await self.contents(copy))
            assert await self.row.verify(copy, connection(broker)) == []
        assert after > ack.seq

    async def test_verify_finds_what_is_wrong_and_a_rebuild_gives_the_same_as_the_projection(
        self, copy: Settings, broker: NatsBroker
    ) -> None:
        await fill_log(jetstream(broker), conversations(250, dimensions=8))
        async with self._projecting(broker):
            assert await self.row.verify(copy, connection(broker)) == []
        right = await self.contents(copy)
        await self.damage(copy)
        assert await self.row.verify(copy, connection(broker)) != []
        await self.rebuild(copy, broker)
        async with self._projecting(broker):
            assert await self.row.verify(copy, connection(broker)) == []
            assert await self.contents(copy) == right
            last = await append(broker, _turn("s-1", "it goes on"))
            await self._reached(broker, last)
            assert "it goes on" in str(await self.contents(copy))

    @asynccontextmanager
    async def _projecting(self, broker: NatsBroker) -> AsyncIterator[None]:
        """Run the projection's app for a block, which begins once it has all that is in the log now."""
        async with running(self._app(), self.row.process, broker):
            await self._reached(broker, await log_end(connection(broker)))
            await self._in_state(broker, "live")
            yield

    def _app(self) -> FastStream:
        settings.cache_clear()
        app: FastStream = importlib.import_module(f"{self.row.app.partition(':')[0]}.app").make()
        return app

    async def _reached(self, broker: NatsBroker, position: int, pid: int | None = None) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for status in await ask_status(connection(broker), self.row.process, 0.05):
                    assert status.state != "stopped", status.reason
                    if status.position >= position and pid in (None, status.pid):
                        return

    async def _in_state(self, broker: NatsBroker, state: str) -> Status:
        status = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    for status in await ask_status(connection(broker), self.row.process, 0.05):
                        if status.state == state:
                            return status
        except TimeoutError:
            raise AssertionError(f"not {state}: {status}") from None


def _turn(session: str, text: str) -> TurnRecorded:
    name = derive_id(session, text)  # ids stay when words are erased
    return TurnRecorded(
        event_id=name,
        session_id=session,
        time_ns=1_795_000_000_000_000_000,
        turn_id=f"turn-{name}",
        reply_id=f"reply-{name}",
        user_text=text,
        written_text=text,
        heard_text=text,
        user_id="sam",
    )


async def _fill_slowly(broker: NatsBroker, facts: list[Event]) -> int:
    last = 0
    for start in range(0, len(facts), 10):
        last = await fill_log(jetstream(broker), facts[start : start + 10])
    return last


@asynccontextmanager
async def copies(app: str, log: Path) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """Yield what starts a copy of an app as a process of its own and returns its process id, one at a time."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *dying_with_parent(sys.executable, "-m", "tests.projections.copies", app),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=output,
        )
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None

    async def start_another() -> int:
        stdin.write(b"another\n")
        return int(await stdout.readline())

    try:
        yield start_another
    finally:
        stdin.close()
        await process.wait()
