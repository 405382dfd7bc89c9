import asyncio

import pytest
from faststream.nats import NatsBroker

from infra.settings import Settings
from projections.pulsar.admin import admin_api
from projections.pulsar.routing import CONVERSATION, PRODUCERS
from projections.pulsar.row import PULSAR
from projections.pulsar.topics import connect
from tests.projections.contract import ProjectionContract
from tests.projections.pulsar.topics import read_topic

pytestmark = pytest.mark.e2e


@pytest.fixture
def copy(config: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DAREDEVIL_POSTGRES_URL", "off")
    return config


class TestPulsar(ProjectionContract):
    row = PULSAR
    facts_while_killed = 1500

    async def contents(self, settings: Settings) -> list[tuple[object, ...]]:
        return [
            (topic, message.sequence, message.key, message.payload, *sorted(message.properties.items()))
            for topic in PRODUCERS
            for message in await read_topic(settings, topic)
        ]

    async def damage(self, settings: Settings) -> None:
        client = connect(settings)
        producer = await asyncio.to_thread(client.create_producer, CONVERSATION)
        await asyncio.to_thread(producer.send, b"forged", properties={"sequence": "3", "event": "TurnEnded"})
        await asyncio.to_thread(client.shutdown)

    async def rebuild(self, settings: Settings, broker: NatsBroker) -> None:
        """The topics are made again from the log once they are deleted."""
        for topic in PRODUCERS:
            path = f"/persistent/{topic.removeprefix('persistent://')}?force=true"
            await asyncio.to_thread(admin_api(settings).delete, path)
