"""Every way in which a model's stream can end, as a real client meets it."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from faststream.nats import NatsBroker
from langchain_core.language_models import BaseChatModel

from actors.reasoning import endings
from actors.reasoning.actor import reasoning_on
from actors.reasoning.answering import Reasoning
from actors.reasoning.default_agent import BUILT_IN
from actors.reasoning.tools import CURRENT_TIME
from contracts import events as e
from infra.agents.agent import Agent
from infra.agents.call import Call
from infra.agents.loading import DEFAULT, Agents
from infra.agents.tool import Tool
from infra.engines.llm import chat_model
from infra.settings import Settings
from infra.tape.untaped import Untaped
from tests.actors.reasoning.facts import ended as turn
from tests.actors.reasoning.openai_server import (
    OpenAIServer,
    Step,
    abort,
    call,
    delta,
    ended,
    half_close,
    hang,
    openai_server,
    refused,
)
from tests.actors.reasoning.test_actor import clauses, finish, last, log_of, names, tell

WHOLE = "This is whole."
CUT = f"{WHOLE} The second one brea"
THE_TIME = call('{"time_zone": "Tokyo"}')


@asynccontextmanager
async def answering(
    broker: NatsBroker, *scripts: Sequence[Step], clock: Tool = CURRENT_TIME, **settings: Any
) -> AsyncIterator[tuple[OpenAIServer, Reasoning]]:
    """Run a copy of the actor whose model is a server that plays the scripts."""
    async with openai_server(*scripts) as server:
        options = {"base_url": server.url, "api_key": "none", "max_retries": 0}
        ours = Settings(llm="openai:stub", llm_options=options, **settings)
        agents = Agents(built_in=Agent(name=DEFAULT, tools=[clock]))
        actor = reasoning_on(broker, Untaped(), ours, agents=agents)
        await actor.open()
        yield server, actor
        await actor.close()


async def ask(broker: NatsBroker, actor: Reasoning, text: str = "Hello.", turn_id: str = "t1") -> None:
    await finish(await tell(broker, actor, turn(text, turn_id)))


@pytest.mark.parametrize(
    ("script", "how", "said"),
    [
        (["All is said.", *ended("stop")], "completed", ["All is said."]),
        ([CUT, *ended("length")], "length", [WHOLE, endings.OFFER]),
        ([f"{WHOLE} And the second.", *ended("length")], "length", [WHOLE, "And the second.", endings.OFFER]),
        (["unutterabl", *ended("length")], "length", [endings.TOO_LONG]),
        (["There are three steps to it, fir", *ended("length")], "length", ["There are three", endings.CUT_OFF]),
        (["I would say that you", half_close], "half-closed", ["I would say", endings.CUT_OFF]),
        ([CUT, *ended("content_filter")], "filter", [WHOLE, endings.NO_MORE]),
        (["I wou", *ended("content_filter")], "filter", [endings.NOT_THAT]),
        ([delta(refusal="I can't "), delta(refusal="help with that."), *ended("stop")], "refusal", None),
        ([CUT, abort], "broken-off", [WHOLE, endings.LOST]),
        ([CUT, half_close], "half-closed", [WHOLE, endings.LOST]),
        ([CUT, b"data: [DONE]\n\n", half_close], "half-closed", [WHOLE, endings.LOST]),
        ([CUT, {"error": {"message": "overloaded", "code": 503}}, half_close], "broken-off", [WHOLE, endings.LOST]),
        ([CUT, hang], "broken-off", [WHOLE, endings.LOST]),
        (["Hal", abort], "failed", [endings.APOLOGY]),
        ([half_close], "failed", [endings.APOLOGY]),
        ([refused("500 Internal Server Error", "no")], "failed", [endings.APOLOGY]),
        ([*ended("stop")], "completed", [endings.NO_ANSWER]),
        (["<think>I sh", *ended("length")], "length", [endings.TOO_LONG]),
        (["<think>Hm.</think>", WHOLE, *ended("stop")], "completed", [WHOLE]),
    ],
)
async def test_every_end_is_known_and_no_half_sentence_is_said(
    broker: NatsBroker, script: list[Step], how: str, said: list[str] | None
) -> None:
    async with answering(broker, script, llm_timeout_s=0.5 if hang in script else 20) as (_, actor):
        await ask(broker, actor)
    written = " ".join(await clauses(broker))
    assert written == " ".join(said if said is not None else ["I can't help with that."])
    assert (await last(broker, e.ReplyCompleted)).finish == how


async def test_the_rest_of_a_cut_answer_is_offered_and_asked_for(broker: NatsBroker) -> None:
    async with answering(broker, [CUT, *ended("length")], ["The second one, too.", *ended("stop")]) as (server, actor):
        await ask(broker, actor)
        reply = await last(broker, e.ReplyCompleted)
        heard = {"reply_id": reply.reply_id, "heard_text": reply.text, "played_samples": 1}
        base = {"session_id": reply.session_id, "time_ns": 900, "turn_id": reply.turn_id}
        await tell(broker, actor, e.PlaybackFinished(event_id="heard", **base, **heard))
        await ask(broker, actor, "Yes, please.", "t2")
    asked = server.asked[-1]["messages"]
    assert asked[-2]["content"] == f"{WHOLE} {endings.OFFER}"
    assert "cut off" in asked[-1]["content"]
    assert asked[-1]["content"].endswith("Yes, please.")
    assert (await last(broker, e.ReplyStarted)).context[-1].text == asked[-1]["content"]


async def test_the_next_model_goes_on_where_a_stream_lost_its_end(broker: NatsBroker) -> None:
    async with (
        openai_server([CUT, half_close]) as broken,
        openai_server([CUT, "ks off.", *ended("stop")]) as whole,
    ):
        made = {"openai:a": broken.url, "openai:b": whole.url}

        def make(name: str, settings: Settings) -> BaseChatModel:
            return chat_model(
                name, settings.model_copy(update={"llm_options": {"api_key": "none", "base_url": made[name]}})
            )

        first = reasoning_on(broker, Untaped(), Settings(llm="openai:a,openai:b"), make)
        await first.open()
        await ask(broker, first)
        await first.close()
    assert " ".join(await clauses(broker)) == f"{WHOLE} The second one breaks off."
    assert (await last(broker, e.EngineFailed)).action == "went on with openai:b"
    assert (await last(broker, e.ReplyCompleted)).finish == "completed"


@pytest.mark.parametrize(
    ("calls", "problem"),
    [
        ([call('{"time_zone": "Tok')], "not valid JSON"),
        ([call('["Tokyo"]')], "no JSON object"),
        ([call('"Tokyo"')], "no JSON object"),
        ([call("")], "empty"),
        ([call('{"time_zone": 5}')], "not of type 'string'"),
        ([call('{"place": "Tokyo"}')], "'place' was unexpected"),
        ([call('{"time_zone": "Tokyo"}', name="book_table")], "no tool 'book_table'"),
        ([call('{"time_zone": "Tokyo", "time_zone": "Paris"}')], "twice"),
        ([call('{"time_zone": "Tokyo"}{"time_zone": "Paris"}')], "not valid JSON"),
        ([call('{"time_zone": "Tokyo"}'), call('{"time_zone": "Paris"}', index=1)], "2 calls have the id"),
        ([call('{"time_zone": NaN}')], "not valid JSON"),
    ],
)
async def test_an_invalid_call_is_not_run_and_the_model_is_told(
    broker: NatsBroker, calls: list[Step], problem: str
) -> None:
    runs: list[Any] = []
    answer = [*calls, *ended("tool_calls")]
    async with answering(broker, answer, [WHOLE, *ended("stop")], clock=_recording(runs)) as (server, actor):
        await ask(broker, actor)
    assert runs == []
    returned = [event for event in await log_of(broker) if isinstance(event, e.ToolReturned)]
    assert len(returned) == len(calls)
    assert all(problem in (event.error or "") for event in returned)
    messages = server.asked[1]["messages"]
    ids = [each["id"] for message in messages for each in message.get("tool_calls", [])]
    assert [message["tool_call_id"] for message in messages if message["role"] == "tool"] == ids
    assert len(set(ids)) == len(calls)
    assert problem in messages[-1]["content"]
    assert await clauses(broker) == [WHOLE]


def _recording(runs: list[Any]) -> Tool:
    async def run(arguments: Any, _call: Call) -> str:
        runs.append(dict(arguments))
        return "noon"

    return replace(CURRENT_TIME, run=run)


@pytest.mark.parametrize(
    "pieces",
    [
        [THE_TIME],
        [call("", call_id="a"), *(call(piece, name="", call_id=None) for piece in ('{"time_', 'zone": "Tok', 'yo"}'))],
        [call('{"time_zone": "Tokyo"}', call_id=None)],
        [call('{"time_', call_id="a"), call('zone": "Tokyo"}', call_id="a")],
    ],
)
async def test_a_call_in_pieces_is_run_whole(broker: NatsBroker, pieces: list[Step]) -> None:
    runs: list[Any] = []
    scripts = [*pieces, *ended("tool_calls")], [WHOLE, *ended("stop")]
    async with answering(broker, *scripts, clock=_recording(runs)) as (_, actor):
        await ask(broker, actor)
    assert runs == [{"time_zone": "Tokyo"}]
    assert (await last(broker, e.ToolReturned)).error is None


async def test_two_calls_at_one_index_are_two(broker: NatsBroker) -> None:
    runs: list[Any] = []
    both = [call('{"time_zone": "Tokyo"}', call_id="a"), call('{"time_zone": "Paris"}', call_id="b")]
    scripts = [*both, *ended("tool_calls")], [WHOLE, *ended("stop")]
    async with answering(broker, *scripts, clock=_recording(runs)) as (_, actor):
        await ask(broker, actor)
    assert [run["time_zone"] for run in runs] == ["Tokyo", "Paris"]


@pytest.mark.parametrize("end", [ended("length"), ended("content_filter"), [half_close], [abort]])
async def test_a_message_that_was_cut_calls_nothing(broker: NatsBroker, end: list[Step]) -> None:
    async with answering(broker, [f"{WHOLE} ", THE_TIME, *end]) as (_, actor):
        await ask(broker, actor)
    assert "ToolCalled" not in await names(broker)
    assert "ToolReturned" not in await names(broker)
    assert (await clauses(broker))[0] == WHOLE


async def test_what_was_said_before_a_call_is_said_before_it_runs(broker: NatsBroker) -> None:
    script = ["Let me check that for you", THE_TIME, *ended("tool_calls")]
    async with answering(broker, script, ["It is noon.", *ended("stop")]) as (_, actor):
        await ask(broker, actor)
    facts = [event for event in await log_of(broker) if isinstance(event, e.ReplyClauseWritten | e.ToolCalled)]
    at = next(place for place, event in enumerate(facts) if isinstance(event, e.ToolCalled))
    before = [event.text for event in facts[:at] if isinstance(event, e.ReplyClauseWritten)]
    after = [event.text for event in facts[at + 1 :] if isinstance(event, e.ReplyClauseWritten)]
    assert ("".join(before), after) == ("Let me check that for you", [" It is noon."])
    assert (await last(broker, e.ReplyCompleted)).text == "Let me check that for you It is noon."


async def test_a_model_that_only_calls_tools_comes_to_an_end(broker: NatsBroker) -> None:
    async with answering(broker, [THE_TIME, *ended("tool_calls")]) as (server, actor):
        await ask(broker, actor)
    assert len(server.asked) == BUILT_IN.max_tool_rounds + 1
    assert await clauses(broker) == [endings.NO_ANSWER]
    assert (await last(broker, e.ReplyCompleted)).finish == "tool-calls"


async def test_a_model_that_begins_within_a_thought_is_known_from_then_on(broker: NatsBroker) -> None:
    script = ["I should greet.</think>\n\nHello to you.", *ended("stop")]
    async with answering(broker, script) as (_, actor):
        await ask(broker, actor)
        assert "</think>" not in " ".join(await clauses(broker))
        await ask(broker, actor, "Hello again.", "t2")
    assert (await last(broker, e.ReplyCompleted)).text == "Hello to you."


async def test_the_log_holds_what_a_call_said_even_if_it_was_no_json(broker: NatsBroker) -> None:
    script = [call('{"time_zone": "Tok'), *ended("tool_calls")]
    async with answering(broker, script, [WHOLE, *ended("stop")]) as (_, actor):
        await ask(broker, actor)
    assert (await last(broker, e.ToolCalled)).arguments == '{"time_zone": "Tok'
    with pytest.raises(ValueError, match="Unterminated"):
        json.loads((await last(broker, e.ToolCalled)).arguments)
