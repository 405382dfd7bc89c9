"""Fixtures that any test may use."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from faststream.nats import NatsBroker

from infra.broker import make_broker
from infra.connection import jetstream
from infra.provisioning import provision
from infra.settings import settings
from tests.servers import NatsServer, running_nats


@pytest.fixture
async def nats_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[NatsServer]:
    """A NATS server of this test's own, which the settings point to."""
    async with running_nats(tmp_path / "nats") as server:
        monkeypatch.setenv("DAREDEVIL_NATS_URL", server.url)
        settings.cache_clear()
        yield server
    settings.cache_clear()


@pytest.fixture
async def broker(nats_server: NatsServer) -> AsyncIterator[NatsBroker]:
    """A connected broker on a provisioned log."""
    broker = make_broker("test")
    await broker.connect()
    await provision(jetstream(broker))
    yield broker
    await broker.stop()
