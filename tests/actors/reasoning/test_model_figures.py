"""What is measured of a language model's answers: each request once, and tokens as the provider counts them."""

from contextlib import aclosing
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph

from actors.reasoning.graph_stream import GraphStream
from actors.reasoning.model_chunks import ModelChunk, ModelRequest, chunks
from infra.engines.chain import EngineRaised, EngineTooSlow
from infra.metrics import table as t
from tests.actors.reasoning.models import WAIT, ScriptedModel
from tests.infra.metrics.measured import read_metrics

MODEL = {"gen_ai.request.model": "openai:gpt-4o-mini", "gen_ai.provider.name": "openai"}


async def asked(*steps: Any) -> None:
    async def make() -> ScriptedModel:
        return ScriptedModel.playing(list(steps))

    request = ModelRequest("openai:gpt-4o-mini", [HumanMessage("Hello.")])
    async for _ in chunks(make, request, timeout_s=0.05):
        pass


def usage(input_tokens: int, output_tokens: int) -> AIMessageChunk:
    total = input_tokens + output_tokens
    counted = {"input_tokens": input_tokens, "output_tokens": output_tokens, "total_tokens": total}
    return AIMessageChunk(content="", usage_metadata=counted)


async def test_an_answer_is_measured_to_its_first_piece_and_to_its_end() -> None:
    with read_metrics() as read:
        await asked("", "Good ", "morning.", usage(31, 4))
        assert read.of(t.MODEL_TIME, **MODEL) == 1
        assert read.of(t.FIRST_TOKEN, **MODEL) == 1
        assert read.of(t.TOKEN_USAGE, **MODEL, **{"gen_ai.token.type": "input"}) == 1
        assert read.of(t.TOKEN_USAGE, **MODEL, **{"gen_ai.token.type": "output"}) == 1
        assert not any("error.type" in dict(labels) for labels in read.series()[t.MODEL_TIME.name])


async def test_without_the_providers_count_no_tokens_are_reported() -> None:
    with read_metrics() as read:
        await asked("Good ", "morning.")
        assert read.of(t.TOKEN_USAGE) == 0


@pytest.mark.parametrize(
    ("steps", "raised", "error"),
    [((RuntimeError("no credit"),), EngineRaised, "failed"), (("Good ", WAIT), EngineTooSlow, "timeout")],
)
async def test_a_failure_is_told_apart(steps: tuple[Any, ...], raised: type[Exception], error: str) -> None:
    with read_metrics() as read:
        with pytest.raises(raised):
            await asked(*steps)
        assert read.of(t.MODEL_TIME, **MODEL, **{"error.type": error}) == 1


async def test_who_stops_listening_has_not_measured_the_model() -> None:
    async def make() -> ScriptedModel:
        return ScriptedModel.playing(["Good ", "morning."])

    request = ModelRequest("local", [HumanMessage("Hello.")])
    with read_metrics() as read:
        async with aclosing(chunks(make, request, timeout_s=5)) as parts:
            async for part in parts:
                if isinstance(part, ModelChunk):
                    break
        assert read.of(t.FIRST_TOKEN, **{"gen_ai.request.model": "local"}) == 1
        assert read.of(t.MODEL_TIME) == 0


class NamedModel(ScriptedModel):
    """A model that LangChain knows by name, as it does those of providers."""

    def _get_ls_params(self, stop: list[str] | None = None, **further: Any) -> Any:
        return {"ls_provider": "openai", "ls_model_name": "gpt-4o-mini", "ls_model_type": "chat"}


async def streamed(*steps: Any) -> None:
    model = NamedModel.playing(list(steps))

    async def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState).add_node("ask", ask).add_edge(START, "ask").compile()
    stream = GraphStream(graph, [HumanMessage("Hello.")], {}, timeout_s=5)
    async with aclosing(stream.parts()) as parts:
        async for _ in parts:
            pass


async def test_the_models_of_a_graph_of_ones_own_are_measured_like_ours() -> None:
    with read_metrics() as read:
        await streamed("Good ", "morning.", usage(31, 4))
        assert read.of(t.MODEL_TIME, **MODEL) == 1
        assert read.of(t.FIRST_TOKEN, **MODEL) == 1
        assert read.of(t.TOKEN_USAGE, **MODEL, **{"gen_ai.token.type": "input"}) == 1
        assert read.of(t.TOKEN_USAGE, **MODEL, **{"gen_ai.token.type": "output"}) == 1


async def test_a_failure_of_the_models_of_a_graph_is_told_apart() -> None:
    with read_metrics() as read:
        with pytest.raises(EngineRaised):
            await streamed(RuntimeError("no credit"))
        assert read.of(t.MODEL_TIME, **MODEL, **{"error.type": "failed"}) == 1
