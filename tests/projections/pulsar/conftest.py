"""What the tests against a real Pulsar share."""

import asyncio

import pytest

from infra.settings import Settings, settings
from infra.system.pulsar import PulsarServer
from tests.pulsar_server import delete_topics, pulsar_server
from tests.servers import NatsServer

__all__ = ["pulsar_server"]


@pytest.fixture
async def config(pulsar_server: PulsarServer, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings for this test's log and the run's Pulsar, whose topics are gone."""
    await asyncio.to_thread(delete_topics, pulsar_server)
    monkeypatch.setenv("DAREDEVIL_PULSAR_URL", pulsar_server.url)
    monkeypatch.setenv("DAREDEVIL_PULSAR_ADMIN_URL", pulsar_server.admin_url)
    settings.cache_clear()
    return settings()
