"""Something that the bridge waits for is cancelled, at any await: a call goes on, or its client comes back."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from faststream.nats import NatsBroker
from nats.aio.msg import Msg

from bridge.call import log_watch
from bridge.call.call import Call
from bridge.call.playback_driver import ANSWERED_COST, NOBODY_COST, ask_again
from bridge.call.publisher import EventPublisher
from bridge.web_server import WebServer
from bridge.websocket.client import Client
from bridge.websocket.endpoint import WebSocketDoor
from contracts import events as e
from infra.log.connection import connection, lasting
from infra.process.uvicorn_server import UvicornServer
from infra.settings import Settings
from tests.bridge.agent import Agent
from tests.bridge.caller import Caller
from tests.bridge.conftest import OpenDoor
from tests.servers import NatsServer
from tests.stepping import Injected, with_cancellation
from tests.waiting import until

pytestmark = pytest.mark.slow

Work = Callable[..., Coroutine[Any, Any, Any]]
AWAITS = (1, 2, 3, 5, 8, 13)


def injecting(work: Work, injected: Injected) -> Work:
    """The same work, in which one await raises CancelledError; `work` may be begun several times."""

    async def begun(*args: Any) -> Any:
        return await with_cancellation(work(*args), injected)

    return begun


async def talk(caller: Caller, agent: Agent) -> None:
    await caller.send(type="text", text="Hello?", id="t-1")
    await caller.message("taken", id="t-1")
    await agent.reply(caller.session_id, "r-1")
    await caller.message("reply_end", reply_id="r-1")
    await caller.played("r-1", 24_000, started=True, ended=True)
    await caller.fact("PlaybackFinished")


def is_taken(caller: Caller) -> bool:
    return any(message["type"] == "taken" for message in caller.messages)


def once(facts: list[e.Event], *kinds: type[e.Event]) -> bool:
    return all(sum(isinstance(fact, kind) for fact in facts) == 1 for kind in kinds)


@pytest.mark.parametrize(
    ("owner", "name", "at"),
    [
        *((EventPublisher, "run", at) for at in range(1, 8)),
        *((Call, "_follow", at) for at in AWAITS),
        *((Call, "_tick", at) for at in range(1, 4)),
    ],
)
async def test_a_call_goes_on_and_says_each_fact_once(
    broker: NatsBroker,
    open_door: OpenDoor,
    agent: Agent,
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    name: str,
    at: int,
) -> None:
    injected = Injected(at)
    monkeypatch.setattr(owner, name, injecting(getattr(owner, name), injected))
    listener = await open_door()
    async with Caller.connected(listener.port) as caller:
        await caller.hello()
        await talk(caller, agent)
        if name == "_tick":  # however short the talk was
            await until(lambda: injected.done)
        await caller.send(type="hangup")
        assert await caller.closed() == 1000
    assert injected.done
    facts = await agent.facts(caller.session_id)
    assert once(facts, e.TurnEnded, e.PlaybackStarted, e.PlaybackFinished, e.TrackUnpublished, e.SessionClosed)


@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize("name", ["_end_stored", "_let_go"])
async def test_a_call_ends_in_the_log_and_holds_nothing(
    broker: NatsBroker, open_door: OpenDoor, agent: Agent, monkeypatch: pytest.MonkeyPatch, name: str, at: int
) -> None:
    injected = Injected(at)
    monkeypatch.setattr(Call, name, injecting(getattr(Call, name), injected))
    calls: list[Call] = []
    real = Call.open

    async def opened(self: Call, *args: Any) -> None:
        calls.append(self)
        await real(self, *args)

    monkeypatch.setattr(Call, "open", opened)
    listener = await open_door()
    async with Caller.connected(listener.port) as caller:
        await caller.hello()
        await caller.send(type="hangup")
        assert await caller.closed() == 1000
    assert once(await agent.facts(caller.session_id), e.SessionClosed)
    (call,) = calls
    await call.over.wait()
    assert call._subscriptions == []
    assert call._tasks._tasks == set()


@pytest.mark.parametrize("at", AWAITS)
@pytest.mark.parametrize(("owner", "name"), [(WebSocketDoor, "_serve"), (Client, "_send_all")])
async def test_a_connection_ends_with_a_word_and_its_client_comes_back(
    broker: NatsBroker,
    open_door: OpenDoor,
    agent: Agent,
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    name: str,
    at: int,
) -> None:
    injected = Injected(at)
    monkeypatch.setattr(owner, name, injecting(getattr(owner, name), injected))
    listener = await open_door()
    resuming: dict[str, object] = {}
    for _ in range(3):
        async with Caller.connected(listener.port) as caller:
            await caller.send(type="hello", **resuming)
            await caller.send(type="text", text="Hello?", id="t-1")
            await caller.until(
                lambda caller=caller: (
                    caller.close_code is not None or any(m["type"] == "taken" for m in caller.messages)
                )
            )
            for welcome in [m for m in caller.messages if m["type"] == "welcome"]:
                token = welcome.get("resume_token", resuming.get("resume_token"))
                resuming = {"session_id": welcome["session_id"], "resume_token": token}
            if caller.close_code is None:
                break
            assert caller.close_code not in (1000, 4400, 4401, 4403, 4409, 4410), "it would not come back"
    assert is_taken(caller)
    turns = [fact for fact in await agent.facts(str(resuming["session_id"])) if isinstance(fact, e.TurnEnded)]
    assert len(turns) == 1


@pytest.mark.parametrize(
    ("part", "at"), [("look", 1), ("look", 2), ("look", 3), ("look", 4), ("look", 6), ("probe", 1)]
)
async def test_the_log_is_reported_back_whenever_its_watcher_is_interrupted(
    nats_server: NatsServer, open_door: OpenDoor, monkeypatch: pytest.MonkeyPatch, part: str, at: int
) -> None:
    monkeypatch.setattr(log_watch, "RETURN_S", 0.05)
    injected = Injected(10**9)
    monkeypatch.setattr(log_watch._Watch, part, injecting(getattr(log_watch._Watch, part), injected))
    listener = await open_door()
    async with Caller.connected(listener.port) as caller:
        await caller.hello()
        await nats_server.stop()
        await caller.message("notice", code="log-away")
        injected.at = injected.awaits + at
        await nats_server.start()
        await caller.message("notice", code="log-back")
        await until(lambda: injected.done)
        await caller.send(type="text", text="Hello?", id="t-1")
        await caller.message("taken", id="t-1")


async def test_a_subscription_takes_the_next_message_whatever_became_of_the_last(broker: NatsBroker) -> None:
    taken: list[bytes] = []

    async def take(message: Msg) -> None:
        taken.append(message.data)
        if len(taken) == 1:
            cancelled = asyncio.get_running_loop().create_future()
            cancelled.cancel()
            await cancelled

    nc = connection(broker)
    await nc.subscribe("somewhere", cb=lasting(take))
    await nc.publish("somewhere", b"1")
    await nc.publish("somewhere", b"2")
    await until(lambda: taken == [b"1", b"2"])


async def test_lost_sound_is_asked_for_again_though_the_asking_was_cut_off(broker: NatsBroker) -> None:
    clause = e.ReplyClauseWritten(event_id="c", session_id="s", time_ns=1, reply_id="r", index=0, text="Hello")
    for at in (1, 2, 3):
        asking = asyncio.ensure_future(with_cancellation(ask_again(connection(broker), clause), Injected(at)))
        cost = await asking
        assert cost in (ANSWERED_COST, NOBODY_COST)


@pytest.mark.parametrize("cancelled", [True, False])
async def test_a_web_server_that_ends_by_itself_ends_its_process(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch, cancelled: bool
) -> None:
    listener = WebServer(broker, Settings(port=0))
    ends: list[BaseException] = []
    loop = asyncio.get_running_loop()
    real = WebServer._on_end

    def on_end(self: WebServer, serving: "asyncio.Task[None]") -> None:
        try:
            real(self, serving)
        except SystemExit as error:  # here it would end the tests
            ends.append(error)

    monkeypatch.setattr(WebServer, "_on_end", on_end)
    await listener.open()
    assert listener._serving is not None
    if cancelled:
        listener._serving.cancel()
    else:
        monkeypatch.setattr(UvicornServer, "on_tick", lambda *_: loop.create_future().result())
    await until(lambda: ends)
    await listener.close()
