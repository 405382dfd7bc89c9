"""What is read of a model's answer, and its form on the tape."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_core.messages.tool import ToolCallChunk

from actors.reasoning.model_chunks import (
    PARTS,
    Begun,
    ModelChunk,
    ModelRequest,
    Part,
    PromptTooLong,
    chunk_of,
    chunks,
)
from actors.reasoning.tools import CURRENT_TIME
from infra.engines.chain import EngineRaised, EngineTooSlow
from infra.process.tasks import CancelledElsewhere
from tests.actors.reasoning.models import WAIT, ScriptedModel

words = st.text(max_size=9)
calls = st.builds(
    ToolCallChunk, index=st.none() | st.integers(0, 9), name=st.none() | words, id=st.none() | words, args=words
)
ends = st.dictionaries(st.sampled_from(["finish_reason", "stop_reason"]), words, max_size=1)
parts = st.builds(Begun, words) | st.builds(ModelChunk, words, st.lists(calls, max_size=2).map(tuple), words, ends)


@given(parts)
def test_a_part_is_the_same_after_it_was_on_the_tape(part: Part) -> None:
    assert PARTS.unpack(msgpack.unpackb(msgpack.packb(PARTS.pack(part)))) == part


def test_text_alone_is_only_the_text_on_the_tape() -> None:
    assert PARTS.pack(ModelChunk(" day")) == " day"


async def asked(*steps: Any) -> Sequence[Part]:
    async def make() -> ScriptedModel:
        return ScriptedModel.playing(list(steps))

    request = ModelRequest("m", [HumanMessage("Hello.")])
    return [part async for part in chunks(make, request, timeout_s=0.05)]


async def test_what_says_nothing_is_left_out_and_of_metadata_only_the_end_is_kept() -> None:
    last = AIMessageChunk(content="", response_metadata={"finish_reason": "stop", "model_name": "m-2"})
    assert await asked("Hi", "", last) == [
        Begun("scripted"),
        ModelChunk("Hi"),
        ModelChunk(ends={"finish_reason": "stop"}),
    ]


def test_a_refusal_is_read_wherever_it_stands() -> None:
    block = AIMessageChunk(content=[{"type": "refusal", "refusal": "I can't."}])
    assert chunk_of(block).refusal == "I can't."
    assert chunk_of(AIMessageChunk(content="", additional_kwargs={"refusal": "No."})).refusal == "No."


TOO_LONG = "This model's maximum context length is 8192 tokens"


class RateLimited(RuntimeError):
    status_code = 429


@pytest.mark.parametrize(
    ("step", "raised", "text"),
    [
        (RuntimeError("no credit"), EngineRaised, "RuntimeError: no credit"),
        (ValueError(TOO_LONG), PromptTooLong, f"ValueError: {TOO_LONG}"),
        (RateLimited(TOO_LONG), EngineRaised, f"RateLimited (status 429): {TOO_LONG}"),
        (WAIT, EngineTooSlow, "silent for 0.05 s"),
        (asyncio.CancelledError(), CancelledElsewhere, "what was waited for was cancelled by something else"),
    ],
)
async def test_what_the_code_tells_apart_is_a_class_and_the_rest_a_text(
    step: Any, raised: type[Exception], text: str
) -> None:
    with pytest.raises(raised) as failure:
        await asked("Hi", step)
    assert (type(failure.value), str(failure.value)) == (raised, text)
    assert raised in PARTS.errors


def test_a_request_tells_all_that_the_answer_depends_on() -> None:
    request = ModelRequest("m", [HumanMessage("Hello.")], tools=[CURRENT_TIME])
    plain = request.plain({"temperature": 0.2})
    assert plain["messages"] == [["human", "Hello.", [], []]]
    assert plain["options"] == {"temperature": 0.2}
    assert [tool["function"]["name"] for tool in plain["tools"]] == ["current_time"]
