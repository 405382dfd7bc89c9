"""What the page's and the HTTP door do with a new session that would be answered late, or by nobody."""

import asyncio

import httpx
import msgpack
import pytest
from faststream.nats import NatsBroker
from nats.aio.msg import Msg

from bridge.call import admission
from bridge.web_server import WebServer
from contracts import events as e
from contracts.topology import chat_subject
from infra.log.connection import connection
from infra.log.event_log import append
from tests.bridge.caller import Caller
from tests.bridge.conftest import Connect, OpenDoor
from tests.contracts.samples import sample
from tests.servers import NatsServer
from tests.waiting import until

pytestmark = pytest.mark.slow

SCRIPTED = {"llm": "scripted:model"}


@pytest.fixture
async def full(open_door: OpenDoor, broker: NatsBroker, monkeypatch: pytest.MonkeyPatch) -> WebServer:
    """A door whose calls are answered late; one of them, `s-0`, has only been heard of."""
    monkeypatch.setattr(admission, "LOOK_S", 0.05)
    return await open_door(**SCRIPTED, overload_answer_ms=500)


async def fill(broker: NatsBroker, door: WebServer) -> None:
    late = sample(e.PlaybackStarted).model_copy(update={"parts": e.LatencyParts(stt_ms=2_000)})
    for n in range(3):
        await append(broker, late.model_copy(update={"session_id": f"s-{n}", "event_id": f"late-{n}"}))
    await until(lambda: door.admission.problem)


async def refusal(door: WebServer) -> tuple[str, str, int]:
    async with Caller.connected(door.port) as caller:
        await caller.hello(expect="refusal")
        error = await caller.message("error")
        return error["code"], error["message"], await caller.closed()


async def test_a_full_door_says_so_to_new_callers_and_goes_on_with_the_others(
    full: WebServer, connect: Connect, broker: NatsBroker
) -> None:
    first = await connect(full)
    await fill(broker, full)
    code, message, close_code = await refusal(full)
    assert (code, close_code) == ("busy", 4429)
    assert "no room for another call now (its answers come late); try again in a minute" in message
    await first.connection.close()
    again = await connect(full, **first.resuming)
    assert again.messages[0]["resumed"]


async def test_a_full_door_answers_503_to_new_texts_over_http_and_nats(full: WebServer, broker: NatsBroker) -> None:
    await fill(broker, full)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{full.port}") as client:
        answer = await client.post("/chat", json={"text": "Hello!"})
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    assert int(answer.headers["Retry-After"]) == admission.RETRY_AFTER_S
    by_nats = await connection(broker).request(chat_subject("new"), msgpack.packb({"text": "Hello!"}), timeout=5)
    assert msgpack.unpackb(by_nats.data)["error"]["code"] == "busy"


async def test_of_callers_at_once_those_are_taken_whose_cost_is_known_to_fit(
    full: WebServer, connect: Connect, broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(full.admission._newcomers, "cores", 1.0)
    callers = [await connect(full) for _ in range(3)]
    code, message, _ = await refusal(full)
    assert (code, "others have just been taken" in message) == ("busy", True)
    # Two have been answered, and one has hung up.
    answered = sample(e.PlaybackStarted).model_copy(update={"parts": e.LatencyParts(stt_ms=20)})
    for caller in callers[:2]:
        session_id = caller.session_id
        await append(broker, answered.model_copy(update={"session_id": session_id, "event_id": session_id}))
    await callers[2].send(type="hangup")
    await until(lambda: not full.admission.call_refusal("s-next"))


async def test_without_an_actor_a_new_session_is_refused_with_its_name(open_door: OpenDoor) -> None:
    door = await open_door(**SCRIPTED, opening_patience_s=0.2)
    code, message, close_code = await refusal(door)
    assert (code, close_code) == ("not-available", 4450)
    assert "no answer comes from: transcript, reasoning, synthesis" in message
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{door.port}") as client:
        answer = await client.post("/chat", json={"text": "Hello!"})
    assert (answer.status_code, answer.json()["code"]) == (503, "not-available")
    assert "no answer comes from: reasoning" in answer.json()["detail"]
    assert answer.headers["Retry-After"]


async def test_while_nats_hangs_a_new_session_is_told_so_and_no_actor_is_blamed(
    open_door: OpenDoor, nats_server: NatsServer
) -> None:
    door = await open_door(**SCRIPTED, opening_patience_s=0.2)
    nats_server.freeze()
    try:
        code, _, close_code = await refusal(door)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{door.port}") as client:
            answer = await client.post("/chat", json={"text": "Hello!"}, timeout=10)
    finally:
        nats_server.thaw()
    assert (code, close_code) == ("log-unavailable", 4450)
    assert (answer.status_code, answer.json()["code"]) == (503, "log-unavailable")


async def test_an_actor_that_starts_again_meanwhile_is_waited_for(open_door: OpenDoor, broker: NatsBroker) -> None:
    door = await open_door(**SCRIPTED, opening_patience_s=30)

    async def answer(message: Msg) -> None:
        await connection(broker).publish(message.reply, b"1")

    for name in ("transcript", "synthesis"):
        await connection(broker).subscribe(f"health.{name}", cb=answer)
    async with Caller.connected(door.port) as caller:
        greeting = asyncio.create_task(caller.hello())
        # It is asked for in vain at least once.
        missed = await connection(broker).subscribe("health.reasoning")
        await missed.next_msg(timeout=5)
        assert not greeting.done()
        await missed.unsubscribe()  # a connection that ends waits for whoever has not read what came
        await connection(broker).subscribe("health.reasoning", cb=answer)
        await asyncio.wait_for(greeting, 10)
