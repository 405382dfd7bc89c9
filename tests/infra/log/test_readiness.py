"""A process's own readiness: not before it has started, with NATS, its consumers, the log and its engines, and no more
once it is ending."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from faststream import FastStream
from faststream.nats import NatsBroker

from contracts.topology import REASONING, VOICE
from infra.log import readiness
from infra.log.broker import make_app, make_broker
from infra.log.connection import jetstream
from infra.process.probes import PROBES_DIR, probe_notes
from infra.settings import settings
from tests.servers import NatsServer
from tests.waiting import until, until_async

pytestmark = pytest.mark.slow


class Part:
    """A process's app, its probes, and the doors in its life: it may load and end slowly."""

    def __init__(self, notes: Path, unable: Sequence[str] = ()) -> None:
        self.broker = make_broker(REASONING)
        self.loaded, self.released = asyncio.Event(), asyncio.Event()
        self.unable = unable
        self._notes = notes
        self.app: FastStream = make_app(REASONING, self.broker, self._life, lambda: self.unable)

    @asynccontextmanager
    async def _life(self) -> AsyncIterator[None]:
        await self.loaded.wait()
        yield
        await self.released.wait()

    async def says(self, problem: str) -> bool:
        """Return whether it answers so; `problem` is empty if it is ready."""
        async with httpx.AsyncClient() as client:
            (note,) = probe_notes(self._notes)
            assert (await client.get(f"http://{note.address}/healthz")).status_code == 200
            answer = await client.get(f"http://{note.address}/readyz")
        told = answer.json().get("problem", "")
        return answer.status_code == (503 if problem else 200) and problem in told


@pytest.fixture
async def part(
    nats_server: NatsServer, broker: NatsBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Part]:
    monkeypatch.setenv(PROBES_DIR, str(tmp_path / "probes"))
    monkeypatch.setenv("DAREDEVIL_PROBE_PORT", "0")
    monkeypatch.setattr(readiness, "EVERY_S", 0.2)
    settings.cache_clear()
    part = Part(tmp_path / "probes")
    running = asyncio.create_task(part.app.run())
    await until(lambda: probe_notes(tmp_path / "probes"))
    yield part
    part.loaded.set()
    part.released.set()
    part.app.exit()
    await asyncio.wait_for(running, 10)


async def test_it_is_ready_from_the_loaded_engines_to_the_call_to_end(part: Part) -> None:
    assert await part.says("reasoning is starting")
    part.loaded.set()
    await until_async(lambda: part.says(""))
    part.app.exit()
    await until_async(lambda: part.says("reasoning is ending"))


async def test_it_is_not_ready_without_nats_its_consumer_or_an_engine(
    part: Part, broker: NatsBroker, nats_server: NatsServer
) -> None:
    part.loaded.set()
    await until_async(lambda: part.says(""))
    part.unable = ("answer",)
    await until_async(lambda: part.says("reasoning cannot answer: an engine is missing"))
    part.unable = ()
    await until_async(lambda: part.says(""))
    await jetstream(broker).delete_consumer(VOICE, "synthesis")  # another process's
    await jetstream(broker).delete_consumer(VOICE, "reasoning")
    await until_async(lambda: part.says("consumers are missing: reasoning"))
    nats_server.kill()
    await until_async(lambda: part.says("NATS"))
    await nats_server.start()
    await until_async(lambda: part.says(""))
