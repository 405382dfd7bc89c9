"""Language models of Anthropic and OpenAI, with LangChain's own clients, against servers with their protocols."""

from contextlib import aclosing

import pytest
from langchain_core.messages import HumanMessage

from actors.reasoning.model_chunks import Begun, ModelChunk, ModelRequest, chunks
from infra.engines.chain import EngineRaised, EngineTooSlow
from infra.engines.llm import chat_model
from infra.engines.llm_ends import finish_of, reports_finish
from infra.metrics import table as t
from infra.settings import Settings
from tests.actors.reasoning.openai_server import openai_server, refused
from tests.engine_servers.anthropic_server import AnthropicServer, Step, anthropic_server
from tests.infra.metrics.measured import read_metrics


class Answer:
    """What came of a question."""

    def __init__(self) -> None:
        self.kind = ""
        self.text = ""
        self.finish: str | None = None


async def asked(name: str, url: str, options: dict[str, object], answer: Answer, timeout_s: float = 20) -> None:
    """Ask a model something; fill in the answer as it comes."""
    settings = Settings(llm=f"{name},local", llm_options={"api_key": "secret-key", "base_url": url, **options})

    async def make() -> object:
        return chat_model(name, settings)

    request = ModelRequest(name, (HumanMessage("Hello."),), ())
    async with aclosing(chunks(make, request, timeout_s)) as parts:  # type: ignore[arg-type]
        async for part in parts:
            if isinstance(part, Begun):
                answer.kind = part.kind
            elif isinstance(part, ModelChunk):
                answer.text += part.text
                answer.finish = finish_of(part.ends) or answer.finish


async def of_anthropic(server: AnthropicServer, answer: Answer, timeout_s: float = 20) -> None:
    await asked("anthropic:claude-stub", server.url, {}, answer, timeout_s)


async def test_an_answer_of_anthropics_streams_and_says_how_it_ended() -> None:
    answer = Answer()
    async with anthropic_server("It is ", "nine.") as server:
        await of_anthropic(server, answer)
        assert (answer.text, answer.finish) == ("It is nine.", "stop")
        assert reports_finish(answer.kind)
        assert server.asked[0]["stream"] is True
        assert server.asked[0]["max_tokens"] == Settings().reply_max_tokens


async def test_an_answer_of_anthropics_that_was_cut_at_its_limit_says_so() -> None:
    answer = Answer()
    async with anthropic_server("It is ni", stop_reason="max_tokens") as server:
        await of_anthropic(server, answer)
    assert answer.finish == "length"


@pytest.mark.parametrize("step", ["<abort>", "<overloaded>"])
async def test_a_stream_of_anthropics_that_breaks_off_is_a_failure_and_keeps_its_beginning(step: Step) -> None:
    answer = Answer()
    async with anthropic_server("It is ", step) as server:
        with pytest.raises(EngineRaised):
            await of_anthropic(server, answer)
    assert answer.text == "It is "


async def test_a_stream_of_anthropics_that_is_half_closed_has_no_end() -> None:
    answer = Answer()
    async with anthropic_server("It is ", "<half-close>") as server:
        await of_anthropic(server, answer)
    assert (answer.text, answer.finish) == ("It is ", None)


async def test_a_stream_of_anthropics_that_pauses_for_too_long_is_a_failure() -> None:
    answer = Answer()
    async with anthropic_server("It is ", "<pause>") as server:
        with pytest.raises(EngineTooSlow):
            await of_anthropic(server, answer, 0.5)
    assert answer.text == "It is "


@pytest.mark.parametrize("status", [401, 429, 500, 529])
async def test_anthropic_is_asked_once_when_it_refuses_as_another_model_follows(status: int) -> None:
    async with anthropic_server(status=status) as server:
        with pytest.raises(EngineRaised, match=str(status)) as failed:
            await of_anthropic(server, Answer())
        assert len(server.asked) == 1
        assert "secret-key" not in str(failed.value)


@pytest.mark.parametrize("status", ["429 Too Many Requests", "500 Internal Server Error"])
async def test_openai_is_asked_once_when_it_refuses_as_another_model_follows(status: str) -> None:
    async with openai_server([refused(status, "no")]) as server:
        with pytest.raises(EngineRaised, match=status[:3]):
            await asked("openai:stub", server.url, {}, Answer())
        assert len(server.asked) == 1


async def test_tokens_are_those_that_the_provider_names() -> None:
    with read_metrics() as read:
        async with anthropic_server("It is ", "nine.") as server:
            await of_anthropic(server, Answer())
        # This server does not say how many tokens it was given.
        model = {"gen_ai.request.model": "anthropic:claude-stub"}
        assert read.of(t.TOKEN_USAGE, **model, **{"gen_ai.token.type": "output"}) == 1
        assert read.of(t.TOKEN_USAGE) == 1
