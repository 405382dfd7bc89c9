"""The local model's streams say the same with and without the types of OpenAI's client."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage
from openai import APIStatusError

from infra.bench.stub_engines import llm_server
from infra.engines.llm import chat_model
from infra.settings import Settings

ASKED = [SystemMessage("Be brief."), HumanMessage("Who are you?"), AIMessage("Ada."), HumanMessage("What can you do?")]


@pytest.fixture
async def asked() -> list[Any]:
    return []


@pytest.fixture
async def url(asked: list[Any]) -> AsyncIterator[str]:
    @web.middleware
    async def noting(request: web.Request, handler: Any) -> web.StreamResponse:
        asked.append(await request.json())
        if asked[-1]["messages"][-1]["content"] == "fail":
            return web.json_response({"error": {"message": "no such thing"}}, status=400)
        answer: web.StreamResponse = await handler(request)
        return answer

    app = llm_server()
    app.middlewares.append(noting)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    await runner.cleanup()


async def streamed(model: Any) -> list[AIMessageChunk]:
    return [chunk async for chunk in model.astream(ASKED)]


def plain(chunk: AIMessageChunk) -> dict[str, Any]:
    return chunk.model_dump(exclude={"id"})


async def test_the_request_and_each_piece_of_the_answer_are_the_same(url: str, asked: list[Any]) -> None:
    model: Any = chat_model("local", Settings(llm_url=url))
    quick = await streamed(model)
    model.async_client = model.root_async_client.chat.completions
    typed = await streamed(model)
    assert [plain(chunk) for chunk in quick] == [plain(chunk) for chunk in typed]
    assert asked[0] == asked[1]
    assert "".join(chunk.text for chunk in quick).startswith("There is a lot to say")


async def test_a_whole_answer_is_the_clients_own(url: str) -> None:
    model: Any = chat_model("local", Settings(llm_url=url)).model_copy(update={"streaming": False})
    answer = await model.ainvoke(ASKED)
    assert answer.text.startswith("There is a lot to say")


async def test_a_request_that_is_refused_raises_the_same(url: str) -> None:
    model: Any = chat_model("local", Settings(llm_url=url))
    with pytest.raises(APIStatusError, match="no such thing"):
        await model.ainvoke("fail")
