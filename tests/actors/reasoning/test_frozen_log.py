"""NATS hangs in the middle of a draft: whatever comes of the turn, the draft is committed or discarded."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from faststream.nats import NatsBroker

from actors.reasoning.actor import take_events
from contracts import events as e
from infra.log import broker as brokers
from infra.log import event_log as facts
from infra.log import inbox
from infra.log.connection import connection, jetstream
from infra.log.event_log import append
from infra.log.provisioning import provision
from tests.actors.reasoning.facts import ended, fact, revised
from tests.actors.reasoning.models import WAIT, ScriptedModel
from tests.actors.reasoning.test_actor import clauses, copy_of_actor, log_of, until
from tests.servers import NatsServer

pytestmark = pytest.mark.slow

HELLO = "Hello there."
PING_S = 0.2


@pytest.fixture
async def hasty(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[NatsBroker]:
    """A broker that takes a hanging NATS for dead within a second, not within half a minute."""
    own = brokers._Broker
    monkeypatch.setattr(brokers, "_Broker", lambda *args, **more: own(*args, **more | {"ping_interval": PING_S}))
    monkeypatch.setattr(facts, "ACK_TIMEOUT_S", 0.3)
    monkeypatch.setattr(inbox, "HEARTBEAT_S", 0.3)
    broker = brokers.make_broker("test")
    await broker.connect()
    await provision(jetstream(broker))
    yield broker
    await broker.stop()


async def undecided(broker: NatsBroker) -> set[str]:
    """Return the drafts that are neither committed nor discarded."""
    events = await log_of(broker)
    begun = {event.reply_id for event in events if isinstance(event, e.ReplyStarted) and event.draft}
    return begun - {event.reply_id for event in events if isinstance(event, e.ReplyCommitted | e.ReplyDiscarded)}


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (ended(HELLO), e.ReplyCommitted),
        (ended("Hello there, how are you?"), e.ReplyDiscarded),
        (ended("Hello there.", turn="t2"), e.ReplyDiscarded),
        (fact(e.SessionClosed, "close", reason="timeout"), e.ReplyDiscarded),
    ],
    ids=["ended", "ended with other words", "another turn ended", "session closed"],
)
async def test_a_draft_is_decided_on_whatever_happened_while_nats_hung(
    hasty: NatsBroker, nats_server: NatsServer, outcome: e.Event, expected: type[e.Event]
) -> None:
    async def lost() -> bool:
        return not connection(hasty).is_connected

    async def decided() -> bool:
        return not await undecided(hasty)

    model = ScriptedModel.playing(["Good day. Nice ", WAIT], ["Fine, thanks."])
    async with copy_of_actor(hasty, model) as actor:
        taken = take_events(hasty, actor)
        await hasty.start()
        await taken.open()
        await append(hasty, revised(HELLO))
        await until(lambda: clauses(hasty))
        reconnects = connection(hasty).stats["reconnects"]
        nats_server.freeze()
        saying = asyncio.create_task(append(hasty, outcome))
        await until(lost)
        assert not saying.done()
        nats_server.thaw()
        await asyncio.wait_for(saying, 20)

        await until(decided)
        assert connection(hasty).stats["reconnects"] > reconnects
        assert any(isinstance(event, expected) for event in await log_of(hasty))
        await taken.close()
