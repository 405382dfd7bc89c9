"""The reasoning actor as LiveKit's `llm.LLM`: what it sends, passes on and raises."""

import pytest
from faststream.nats import NatsBroker
from hypothesis import given
from hypothesis import strategies as st
from livekit.agents import APIConnectionError, APIStatusError, llm
from livekit.agents.types import APIConnectOptions

from bridge.web_server import WebServer
from infra.engines import reasoning_llm
from infra.engines.reasoning_llm import PassedOn, ReasoningLLM
from infra.settings import Settings
from tests.actors.reasoning.models import ScriptedModel
from tests.bridge.http.answering import reasoning
from tests.servers import NatsServer

ONCE = APIConnectOptions(max_retry=0, timeout=5)


def asking(*texts: str) -> llm.ChatContext:
    context = llm.ChatContext.empty()
    context.add_message(role="system", content="Be kind.")
    for text in texts:
        context.add_message(role="user", content=text)
    return context


async def pieces(model: ReasoningLLM, context: llm.ChatContext) -> list[str]:
    async with model.chat(chat_ctx=context, conn_options=ONCE) as stream:
        return [chunk.delta.content or "" async for chunk in stream if chunk.delta]


async def test_the_first_answer_comes_whole_and_the_next_token_by_token(
    broker: NatsBroker, nats_server: NatsServer
) -> None:
    listener = WebServer(broker, Settings(port=0, llm="scripted:model"), page=False)
    await listener.open()
    async with (
        reasoning(ScriptedModel.playing(["Hi ", "there."], ["You ", "are ", "Sam."])),
        ReasoningLLM(nats_server.url, "sam") as model,
    ):
        first = await pieces(model, asking("Hello."))
        second = await pieces(model, asking("Who", "am I?"))
    await listener.close()
    assert first == ["Hi there."]
    assert len(second) > 1
    assert "".join(second) == "You are Sam."


async def test_problems_of_the_door_are_errors_that_a_session_knows(
    broker: NatsBroker, nats_server: NatsServer
) -> None:
    async with ReasoningLLM(nats_server.url, "sam") as model:
        with pytest.raises(APIConnectionError, match="no answer from the chat door"):
            await model.ask("Hello.")
    listener = WebServer(broker, Settings(port=0, llm="scripted:model"), page=False)
    await listener.open()
    async with ReasoningLLM(nats_server.url, "sam", "no-such-session") as model:
        with pytest.raises(APIStatusError) as unknown:
            await model.ask("Hello.")
        assert unknown.value.retryable
        assert model.session_id == "new", "the next attempt begins another conversation"
        with pytest.raises(APIStatusError) as empty:
            await model.ask(" \0 ")
        assert not empty.value.retryable
    await listener.close()


@pytest.mark.slow
async def test_without_nats_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reasoning_llm, "CONNECT_TIMEOUT_S", 0.5)
    async with ReasoningLLM("nats://127.0.0.1:9") as model:
        with pytest.raises(APIConnectionError, match="NATS at nats"):
            await model.ask("Hello.")


async def test_nothing_said_asks_for_nothing(nats_server: NatsServer) -> None:
    async with ReasoningLLM(nats_server.url) as model:
        assert await pieces(model, asking()) == []


@given(st.text(max_size=60), st.integers(0, 60))
def test_what_was_said_and_the_rest_are_the_whole(whole: str, cut: int) -> None:
    said = PassedOn()
    said.add(whole[:cut])
    rest = said.rest(whole)
    assert "".join((whole[:cut] + rest).split()) == "".join(whole.split())


def test_an_answer_that_went_another_way_is_not_said_on() -> None:
    said = PassedOn()
    said.add("Good morning")
    assert said.rest("Good evening, Sam.") == ""
