"""The same chat by NATS request and reply."""

import asyncio
from typing import Any

import httpx
import msgpack
import pytest
from faststream.nats import NatsBroker
from nats.errors import NoRespondersError

from contracts import events as e
from contracts.topology import chat_subject
from infra.log.connection import connection
from tests.actors.reasoning.models import ScriptedModel
from tests.actors.running import facts_until
from tests.bridge.http.answering import reasoning
from tests.bridge.http.conftest import OpenHttp


async def ask(broker: NatsBroker, session_id: str, data: Any) -> dict[str, Any]:
    body = data if isinstance(data, bytes) else msgpack.packb(data)
    answer = await connection(broker).request(chat_subject(session_id), body, timeout=20)
    told: dict[str, Any] = msgpack.unpackb(answer.data)
    return told


async def test_a_conversation_begins_and_goes_on(open_http: OpenHttp, broker: NatsBroker) -> None:
    await open_http()
    await open_http()  # whichever process takes a request
    async with reasoning(ScriptedModel.playing(["Hello, Sam."], ["Sam."])):
        first = await ask(broker, "new", {"text": "I am Sam.", "user_id": "sam"})
        again = await ask(broker, first["session_id"], {"text": "Who am I?"})
    assert (first["text"], again["text"]) == ("Hello, Sam.", "Sam.")
    assert again["session_id"] == first["session_id"]
    facts = await facts_until(broker, first["session_id"], lambda facts: len(facts) > 8)
    assert isinstance(facts[0], e.SessionOpened)
    assert facts[0].user_id == "sam"
    assert sum(isinstance(fact, e.PlaybackFinished) for fact in facts) == 2


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "bad-request"),
        (b"\xc1", "bad-request"),
        (b"\x81", "bad-request"),
        ([1, 2], "bad-request"),
        ({}, "bad-request"),
        ({"text": 7}, "bad-request"),
        ({"text": "x", "user_id": "u" * 300}, "bad-request"),
    ],
)
async def test_rubbish_is_answered_with_what_is_wrong(
    http: httpx.AsyncClient, broker: NatsBroker, data: Any, code: str
) -> None:
    assert (await ask(broker, "new", data))["error"]["code"] == code


async def test_silence_behind_the_door_is_an_answer_too(
    open_http: OpenHttp, broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.http.chat.conversations.SPARE_S", 0.2)
    await open_http(llm_timeout_s=0.1)
    assert (await ask(broker, "never-was", {"text": "Hello."}))["error"]["code"] == "session-unknown"
    assert (await ask(broker, "new", {"text": "Hello."}))["error"]["code"] == "timeout"


async def test_a_request_without_anybody_to_answer_to_is_left_alone(
    http: httpx.AsyncClient, broker: NatsBroker
) -> None:
    await connection(broker).publish(chat_subject("new"), msgpack.packb({"text": "Hello."}))
    async with reasoning(ScriptedModel.playing(["Yes."])):
        answers = await asyncio.gather(*(ask(broker, "new", {"text": f"Hello {n}"}) for n in range(5)))
    assert {answer["text"] for answer in answers} == {"Yes."}


async def test_without_a_door_nobody_answers(broker: NatsBroker) -> None:
    with pytest.raises(NoRespondersError):
        await ask(broker, "new", {"text": "Hello."})
