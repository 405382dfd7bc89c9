"""NATS goes away in the middle of a call, or takes nothing any more."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from faststream.nats import NatsBroker
from httpx import AsyncClient
from nats.aio.client import Client
from nats.js.errors import APIError

from bridge.call import log_watch
from bridge.call.call import Call
from bridge.web_server import WebServer
from contracts import events as e
from contracts.topology import VOICE
from infra.agents.card import AgentCards
from infra.log.broker import make_broker
from infra.log.connection import answers, connection, jetstream
from infra.log.provisioning import provision
from infra.session.index import Listed, newest_sessions
from infra.settings import Settings, settings
from infra.tape.untaped import Untaped
from tests.bridge.agent import Agent
from tests.bridge.caller import Caller, wait_for
from tests.bridge.conftest import Connect, OpenDoor
from tests.servers import NatsServer, running_nats
from tests.waiting import until, until_async

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a log that does not answer be given up sooner than in 3 to 4 s."""
    monkeypatch.setattr(log_watch, "PROBE_S", 1.0)
    monkeypatch.setattr(log_watch, "PROBE_ANSWER_S", 1.5)
    monkeypatch.setattr("bridge.call.call.STORE_PATIENCE_S", 1.0)
    monkeypatch.setattr("bridge.call.refused.PATIENCE_S", 1.0)


async def test_what_is_said_while_the_log_is_away_is_told_when_it_is_back(
    nats_server: NatsServer, broker: NatsBroker, connect: Connect, agent: Agent
) -> None:
    caller = await connect()
    await caller.connection.send(bytes(640 * 2))
    await nats_server.stop()
    await caller.message("notice", code="log-away")
    for _ in range(10):
        await caller.connection.send(bytes(640 * 5))
    await caller.send(type="text", text="are you there?")
    async with agent.hearing(caller.session_id) as frames:
        await nats_server.start()
        await caller.message("notice", code="log-back")
        assert (await caller.fact("TurnEnded"))["text"] == "are you there?"
        await wait_for(lambda: len(frames) >= 50)
    assert [frame.first_sample for frame in frames][-50:] == [320 * n for n in range(2, 52)]
    facts = await agent.facts(caller.session_id)
    assert sum(isinstance(fact, e.TurnEnded) for fact in facts) == 1


async def test_a_caller_who_is_there_is_not_idle_while_the_log_hangs(
    nats_server: NatsServer, open_door: OpenDoor, connect: Connect, agent: Agent
) -> None:
    caller = await connect(await open_door(session_idle_s=2))
    nats_server.freeze()
    await caller.message("notice", code="log-away")
    await caller.send(type="text", text="are you there?", id="typed-1")
    await asyncio.sleep(2.5)  # for as long as the freeze lasts: longer than a session may be idle
    nats_server.thaw()
    await caller.message("notice", code="log-back")
    assert (await caller.fact("TurnEnded"))["text"] == "are you there?"
    assert not any(isinstance(fact, e.SessionClosed) for fact in await agent.facts(caller.session_id))
    assert await caller.closed() == 1000  # now it is: the time counts from the log's return


async def test_a_client_may_come_back_after_the_log_was_away(
    nats_server: NatsServer, open_door: OpenDoor, connect: Connect, agent: Agent
) -> None:
    door = await open_door(reconnect_grace_s=1)
    caller = await connect(door)
    nats_server.freeze()
    await caller.message("notice", code="log-away")
    await caller.connection.close()
    await asyncio.sleep(1.5)  # for as long as the freeze lasts: longer than a client is waited for
    nats_server.thaw()
    again = await connect(door, **caller.resuming)
    assert (await again.message("welcome"))["resumed"] is True


async def test_a_log_that_cannot_be_reached_refuses_new_calls_clearly(
    nats_server: NatsServer, door: WebServer, broker: NatsBroker
) -> None:
    await nats_server.stop()
    await wait_for(lambda: not connection(broker).is_connected)
    async with Caller.connected(door.port) as caller:
        await caller.send(type="hello")
        assert (await caller.message("error"))["code"] == "log-unavailable"
        assert await caller.closed() == 4450
    await nats_server.start()
    await wait_for(lambda: connection(broker).is_connected)


async def sessions(nc: Client) -> list[Listed]:
    return [listed async for listed in newest_sessions(nc, 10)]


async def all_ended(nc: Client) -> bool:
    return all(listed.closed is not None for listed in await sessions(nc))


@pytest.fixture
def known_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let doors know the agents already, so that the first thing they ask of the log is to open the session."""

    async def known(_broker: NatsBroker) -> AgentCards:
        return AgentCards()

    monkeypatch.setattr("bridge.call.agents.known_cards", known)


@pytest.mark.usefixtures("known_agents")
async def test_a_call_that_was_refused_is_ended_should_it_be_stored_after_all(
    nats_server: NatsServer, open_door: OpenDoor, broker: NatsBroker
) -> None:
    door = await open_door(reconnect_grace_s=1)
    nats_server.freeze()
    async with Caller.connected(door.port) as caller:
        await caller.send(type="hello")
        assert (await caller.message("error"))["code"] == "log-unavailable"
    nats_server.thaw()
    await until_async(lambda: sessions(connection(broker)))
    await until_async(lambda: all_ended(connection(broker)))


@pytest.mark.usefixtures("known_agents")
async def test_a_conversation_by_text_that_was_refused_is_ended_should_it_be_stored_after_all(
    nats_server: NatsServer, open_door: OpenDoor, broker: NatsBroker
) -> None:
    door = await open_door(reconnect_grace_s=1)
    nats_server.freeze()
    async with AsyncClient(base_url=f"http://127.0.0.1:{door.port}") as http:
        answer = await http.post("/chat", json={"text": "Hello?"}, timeout=20)
    assert answer.status_code == 503
    nats_server.thaw()
    await until_async(lambda: sessions(connection(broker)))
    await until_async(lambda: all_ended(connection(broker)))


@pytest.fixture
async def small_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[NatsBroker]:
    """A log on a disk of 2 MB."""
    async with running_nats(tmp_path / "small", max_file_bytes=2_000_000) as server:
        monkeypatch.setenv("DAREDEVIL_NATS_URL", server.url)
        settings.cache_clear()
        broker = make_broker("test")
        await broker.connect()
        await provision(jetstream(broker))
        yield broker
        await broker.stop()
    settings.cache_clear()


async def fill(broker: NatsBroker) -> None:
    with contextlib.suppress(APIError):
        while True:
            await jetstream(broker).publish("voice.filler.turn.ended", bytes(100_000))


async def test_a_full_log_ends_the_call_clearly(small_log: NatsBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.call.publisher.PATIENCE_S", 0.3)
    listener = WebServer(small_log, settings().model_copy(update={"port": 0}))
    await listener.open()
    async with Caller.connected(listener.port) as caller:
        await caller.hello()
        await fill(small_log)
        await caller.send(type="text", text="hello " * 2_000)
        assert (await caller.message("error"))["code"] == "log-unavailable"
        assert await caller.closed() == 4450
    await listener.close()


async def test_sound_goes_on_after_a_break_that_nobody_noticed(
    nats_server: NatsServer, connect: Connect, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    between_looks, look = asyncio.Lock(), log_watch._Watch._answers

    async def look_when_let(watch: log_watch._Watch) -> bool:
        async with between_looks:
            return await look(watch)

    monkeypatch.setattr(log_watch._Watch, "_answers", look_when_let)
    caller = await connect()
    await caller.send(type="text", text="Hello?", id="t-1")
    await caller.message("taken", id="t-1")
    async with between_looks:
        await nats_server.stop()
        await caller.connection.send(bytes(640))
        await nats_server.start()
        await until_async(lambda: answers(connection(agent.broker)))
    async with agent.hearing(caller.session_id) as frames:
        await caller.connection.send(bytes(640))
        await wait_for(lambda: len(frames) == 2)
    assert not [message for message in caller.messages if message["type"] == "notice"]


async def test_whoever_only_speaks_is_told_that_the_log_is_full(small_log: NatsBroker) -> None:
    listener = WebServer(small_log, settings().model_copy(update={"port": 0}))
    await listener.open()
    async with Caller.connected(listener.port) as caller:
        await caller.hello()
        await fill(small_log)
        await caller.connection.send(bytes(640))
        await caller.message("notice", code="log-away")
        await jetstream(small_log).purge_stream(VOICE, subject="voice.filler.turn.ended")
        await caller.message("notice", code="log-back")
    await listener.close()


async def test_after_an_outage_the_idle_time_begins_again(broker: NatsBroker) -> None:
    call = Call(broker, Untaped(), "s-1", Settings(session_idle_s=1), lambda _: None)
    await call.open([])
    opened_s = time.monotonic()
    call.outage.begin()
    await until(lambda: time.monotonic() - opened_s > 0.7)
    back_s = time.monotonic()
    await call.outage.end()
    await until(lambda: call.is_ending)
    assert time.monotonic() - back_s >= 1
    await call.over.wait()
