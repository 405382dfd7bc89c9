"""The example's stock session, with text for ears and mouth, on a real log with the real reasoning actor."""

from typing import Any

import pytest
from faststream.nats import NatsBroker
from livekit.agents import Agent, AgentSession, RunResult

from bridge.web_server import WebServer
from contracts import events as e
from docs.examples.reasoning_as_llm import agent_session
from infra.engines.reasoning_llm import ReasoningLLM
from infra.settings import Settings
from tests.actors.reasoning.models import ScriptedModel
from tests.actors.running import facts_until
from tests.bridge.http.answering import reasoning
from tests.servers import NatsServer

pytestmark = pytest.mark.slow


async def test_the_session_answers_with_the_reasoning_actor(broker: NatsBroker, nats_server: NatsServer) -> None:
    listener = WebServer(broker, Settings(port=0, llm="scripted:model"), page=False)
    await listener.open()
    try:
        async with reasoning(ScriptedModel.playing(["Hello, ", "Sam."], ["You are ", "Sam. ", "I know."])):
            session = agent_session(nats_server.url, "sam")
            await session.start(Agent(instructions=""))
            first: RunResult[None] = await session.run(user_input="I am Sam.")
            again: RunResult[None] = await session.run(user_input="Who am I?")
            model = session.llm
            assert isinstance(model, ReasoningLLM)
            session_id = model.session_id
            await session.aclose()
            await model.aclose()
    finally:
        await listener.close()
    first.expect.next_event().is_message(role="assistant")
    assert [_text(first), _text(again)] == ["Hello, Sam.", "You are Sam. I know."]
    facts = await facts_until(
        broker, session_id, lambda facts: sum(isinstance(fact, e.PlaybackFinished) for fact in facts) == 2
    )
    assert isinstance(facts[0], e.SessionOpened)
    assert facts[0].user_id == "sam"
    assert [fact.text for fact in facts if isinstance(fact, e.TurnEnded)] == ["I am Sam.", "Who am I?"]


def _text(result: Any) -> str:
    return str(result.events[-1].item.text_content)


@pytest.mark.usefixtures("broker")
async def test_a_stock_session_is_what_it_is(nats_server: NatsServer) -> None:
    assert isinstance(agent_session(nats_server.url, "sam"), AgentSession)
