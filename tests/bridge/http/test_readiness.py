"""`/readyz` tells what a look in the background has found: all that a conversation needs, in 0.8 s."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from bridge.call import needed_parts as parts
from bridge.call.needed_parts import NeededParts
from contracts.events import TurnEnded
from contracts.topology import REASONING, SYNTHESIS, TRANSCRIPT, VOICE
from infra.engines.local_model import LOCAL_MODEL
from infra.log import readiness
from infra.log.connection import connection, jetstream
from infra.log.event_log import LogUnavailable, append
from infra.log.readiness import UNABLE
from infra.settings import Settings
from infra.system.nats import free_port
from tests.bridge.conftest import OpenDoor
from tests.contracts.samples import sample
from tests.servers import NatsServer
from tests.waiting import until_async

pytestmark = pytest.mark.slow

ANSWER_S = 0.8


class Actors:
    """Stands in for the actors' processes: each answers that it is up, until it is frozen or gone."""

    def __init__(self, broker: NatsBroker) -> None:
        self._broker = broker
        self._there: dict[str, Subscription] = {}
        self.frozen: set[str] = set()

    async def come(self, name: str, unable: str = "") -> None:
        async def answer(message: Msg) -> None:
            if name not in self.frozen:
                headers = {UNABLE: unable} if unable else None
                await connection(self._broker).publish(message.reply, b"1", headers=headers)

        self._there[name] = await connection(self._broker).subscribe(f"health.{name}", cb=answer)

    async def go(self, name: str) -> None:
        await self._there.pop(name).unsubscribe()


@pytest.fixture
async def actors(broker: NatsBroker) -> Actors:
    return Actors(broker)


@pytest.fixture
async def http(open_door: OpenDoor) -> AsyncIterator[httpx.AsyncClient]:
    door = await open_door(llm="openai:gpt-5")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{door.port}") as client:
        yield client


def system_readiness(broker: NatsBroker, settings: Settings, actors: tuple[str, ...]) -> readiness.Readiness:
    return readiness.Readiness(broker, ("reasoning",), NeededParts(broker, settings, actors).problem)


async def asked(http: httpx.AsyncClient) -> tuple[int, str]:
    """Return the status and the problem."""
    answer = await http.get("/readyz")
    return answer.status_code, answer.json().get("problem", "")


async def is_ready(http: httpx.AsyncClient) -> bool:
    return (await asked(http))[0] == 200


async def says(http: httpx.AsyncClient, problem: str) -> bool:
    status, told = await asked(http)
    return status == 503 and problem in told


async def all_come(actors: Actors) -> None:
    for name in (TRANSCRIPT, REASONING, SYNTHESIS):
        await actors.come(name)


async def test_it_is_ready_once_all_that_a_conversation_needs_answer(http: httpx.AsyncClient, actors: Actors) -> None:
    assert await says(http, "transcript, reasoning, synthesis")
    await actors.come(TRANSCRIPT)
    await actors.come(REASONING)
    await until_async(lambda: says(http, "no answer comes from: synthesis"))
    await actors.come(SYNTHESIS)
    await until_async(lambda: is_ready(http))


async def test_an_actor_that_hangs_or_is_gone_is_named(
    http: httpx.AsyncClient, actors: Actors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PATIENCE_S", 1.5)
    await all_come(actors)
    await until_async(lambda: is_ready(http))
    actors.frozen.add(REASONING)
    await until_async(lambda: says(http, "no answer comes from: reasoning"))
    actors.frozen.clear()
    await until_async(lambda: is_ready(http))
    await actors.go(SYNTHESIS)
    await until_async(lambda: says(http, "no answer comes from: synthesis"))


async def test_an_actor_that_says_that_it_has_no_engine_is_not_ready(http: httpx.AsyncClient, actors: Actors) -> None:
    await all_come(actors)
    await until_async(lambda: is_ready(http))
    await actors.go(SYNTHESIS)
    await actors.come(SYNTHESIS, unable="speak")
    await until_async(lambda: says(http, "synthesis cannot speak"))


async def test_an_actor_that_was_busy_for_a_moment_is_not_missing(
    broker: NatsBroker, actors: Actors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "EVERY_S", 0.1)
    monkeypatch.setattr(parts, "ASK_S", 0.2)
    await actors.come(REASONING)
    looked = system_readiness(broker, Settings(llm="openai:gpt-5"), (REASONING,))
    assert (await looked.problem())[0] == ""
    actors.frozen.add(REASONING)
    for _ in range(10):
        await asyncio.sleep(0.1)  # for as long as it is busy: less than 5 s
        assert (await looked.problem())[0] == ""
    await looked.aclose()


async def test_without_a_local_model_that_answers_there_is_no_conversation(broker: NatsBroker, actors: Actors) -> None:
    await actors.come(REASONING)
    port = free_port()
    hanging = await asyncio.start_server(lambda _, __: None, "127.0.0.1", port)
    settings = Settings(llm="local", llm_url=f"http://127.0.0.1:{port}/v1")
    looked = system_readiness(broker, settings, (REASONING,))

    async def model_is_missing() -> bool:
        return LOCAL_MODEL in (await looked.problem())[0]

    await until_async(model_is_missing)
    await looked.aclose()
    hanging.close()


@pytest.mark.alone
async def test_a_nats_that_hangs_delays_no_answer(
    http: httpx.AsyncClient, actors: Actors, nats_server: NatsServer
) -> None:
    await all_come(actors)
    await until_async(lambda: is_ready(http))
    nats_server.freeze()
    told = ""
    while "NATS does not answer" not in told:
        begun_s = time.monotonic()
        told = (await asked(http))[1]
        assert time.monotonic() - begun_s < ANSWER_S
    nats_server.thaw()


async def test_a_nats_that_hangs_is_reported_and_is_ready_as_soon_as_it_is_back(
    http: httpx.AsyncClient, actors: Actors, broker: NatsBroker, nats_server: NatsServer
) -> None:
    await all_come(actors)
    await until_async(lambda: is_ready(http))
    nats_server.freeze()
    with pytest.raises(LogUnavailable):  # a fact that this process could not store says nothing about later
        await append(broker, sample(TurnEnded), patience_s=1)
    await until_async(lambda: says(http, "NATS does not answer"))
    nats_server.thaw()
    await until_async(lambda: is_ready(http), 5)


async def test_a_consumer_that_is_missing_is_named(http: httpx.AsyncClient, actors: Actors, broker: NatsBroker) -> None:
    await all_come(actors)
    await until_async(lambda: is_ready(http))
    await jetstream(broker).delete_consumer(VOICE, "reasoning")
    await until_async(lambda: says(http, "consumers are missing: reasoning"))


async def test_without_anybody_who_asks_nothing_is_looked_for(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "ASKED_FOR_S", 0.2)
    monkeypatch.setattr(readiness, "EVERY_S", 0.05)
    looked = system_readiness(broker, Settings(llm="openai:gpt-5"), ())
    assert (await looked.problem())[0] == ""
    assert looked._looking is not None
    await asyncio.wait_for(looked._looking, 5)
    await looked.aclose()
