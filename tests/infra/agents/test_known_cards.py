"""Doors know the agents that reasoning told of last, without asking each time."""

import pytest
from faststream.nats import NatsBroker

from infra.agents import known_cards as module
from infra.agents.card import AgentCard, AgentCards, put_cards, stored_cards
from infra.agents.known_cards import known_cards
from infra.log.connection import connection
from tests.servers import NatsServer
from tests.waiting import until, until_async


def cards(*names: str) -> AgentCards:
    return AgentCards(agents=tuple(AgentCard(name=name) for name in names))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[NatsBroker]:
    """Counts how often the store is asked."""
    asked: list[NatsBroker] = []

    async def counted(broker: NatsBroker) -> AgentCards:
        asked.append(broker)
        return await stored_cards(broker)

    monkeypatch.setattr(module, "stored_cards", counted)
    return asked


async def test_they_are_read_once_and_again_when_they_have_changed(broker: NatsBroker, reads: list[NatsBroker]) -> None:
    assert await known_cards(broker) == AgentCards()  # reasoning has never run here
    for names in (("shop",), ("shop", "booking")):
        await put_cards(broker, cards(*names))

        async def has_them(names: tuple[str, ...] = names) -> bool:
            return await known_cards(broker) == cards(*names)

        await until_async(has_them)
    read = len(reads)
    for _ in range(5):
        assert await known_cards(broker) == cards("shop", "booking")
    assert len(reads) == read


async def test_what_changed_while_the_connection_was_away_is_known_after_it(
    broker: NatsBroker, nats_server: NatsServer, reads: list[NatsBroker]
) -> None:
    await put_cards(broker, cards("shop"))
    assert await known_cards(broker) == cards("shop")
    read = len(reads)
    await nats_server.stop()
    await until(lambda: not connection(broker).is_connected)
    await nats_server.start()
    await until(lambda: connection(broker).is_connected)
    assert await known_cards(broker) == cards("shop")
    assert len(reads) == read + 1
