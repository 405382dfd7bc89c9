"""A corpus: which conversations it has, what is kept of it, and the engines that answer in it."""

from collections import Counter
from pathlib import Path

import pytest
from langchain_core.messages import BaseMessage, HumanMessage, ToolMessage

from actors.summaries.asking import final_messages, read_final
from infra.agents.agent import Agent
from infra.agents.tool import tool_of
from infra.bench.corpus import RecordedCall, read_corpus, summary_lines, write_corpus
from infra.bench.corpus_agent import CALLS, BookingAnswers, cook, waiter
from infra.bench.corpus_engines import ANSWERS, FailingAnswers, FailingVoice, QuickAnswers
from infra.bench.corpus_plan import PARTS, TOTAL, planned
from infra.cli.bench_corpus import sounds_of
from infra.engines.plugins import engine_class

DATA = Path("tests/data")


def test_two_hundred_conversations_have_as_many_of_each_kind_as_promised() -> None:
    kinds = Counter(call.kind for call in planned(TOTAL))
    assert kinds == {
        "plain": 58,
        "barge-in": 42,
        "text": 20,
        "people": 20,
        "kill": 20,
        "freeze": 16,
        "tools": 14,
        "failover": 10,
    }
    assert len({call.id for call in planned(TOTAL)}) == TOTAL


def test_a_small_corpus_has_each_kind_and_a_larger_one_begins_with_the_same_conversations() -> None:
    assert {call.kind for call in planned(8)} == {call.kind for call in planned(TOTAL)}
    assert {call.id for call in planned(20)} <= {call.id for call in planned(TOTAL)}


def test_every_recording_that_is_said_is_there() -> None:
    said = {each.recording for part in PARTS for call in part.calls for each in call.said}
    assert set(sounds_of(DATA)) == said


def test_what_was_recorded_is_kept_and_counted(tmp_path: Path) -> None:
    assert read_corpus(tmp_path) == {}
    calls = [
        RecordedCall("plain 1", "plain", "local engines", "s-1", 12.0),
        RecordedCall("kill 1", "kill", "a scripted model", "s-2", 3.0, "no answer within 90 s"),
    ]
    write_corpus(tmp_path, calls)
    assert list(read_corpus(tmp_path).values()) == calls
    assert summary_lines(calls) == [
        "2 conversations: 1 plain, 1 kill",
        "with local engines 1, a scripted model 1",
        "  kill 1 broke off: no answer within 90 s",
    ]


async def test_the_same_words_get_the_same_answer_word_by_word() -> None:
    async def said(text: str) -> list[str]:
        return [chunk.text async for chunk in QuickAnswers().astream([HumanMessage(text)])]

    first = await said("Hello there")
    assert "".join(first).strip() in ANSWERS
    assert len(first) > 1
    assert await said("Hello there") == first
    assert len({"".join(await said(text)) for text in ("a", "b", "c", "d")}) > 1


async def test_a_summary_is_what_the_actor_can_read() -> None:
    [(_, question)] = final_messages("", [])
    text = "".join([chunk.text async for chunk in QuickAnswers().astream([HumanMessage(question)])])
    assert read_final(text).topics == ("questions",)


async def test_a_failing_model_fails_at_once_or_in_the_midst_of_an_answer() -> None:
    async def pieces_of(text: str, said: list[str]) -> None:
        async for chunk in FailingAnswers().astream([HumanMessage(text)]):
            said.append(chunk.text)

    pieces = []
    for text in ("a", "b", "c"):
        said: list[str] = []
        with pytest.raises(ConnectionError):
            await pieces_of(text, said)
        pieces.append(len(said))
    assert min(pieces) == 0 < max(pieces)


def test_the_failing_voice_can_be_named_in_the_settings() -> None:
    assert engine_class("infra.bench.corpus_engines:FailingVoice", "") is FailingVoice


async def test_tools_of_the_corpus_are_called_by_a_model_that_is_offered_them_and_then_answers() -> None:
    async def called(agent: Agent, message: BaseMessage) -> set[str]:
        model = BookingAnswers().bind_tools([tool_of(tool).schema() for tool in agent.tools])
        chunks = [chunk async for chunk in model.astream([message])]
        return {call["name"] or "" for chunk in chunks for call in chunk.tool_call_chunks}

    said = [HumanMessage(letter) for letter in "abcdefgh"]
    tools = {call[0] for call in CALLS if call is not None}
    assert set().union(*[await called(waiter, each) for each in said]) == tools
    assert set().union(*[await called(cook, each) for each in said]) == tools - {"to_the_kitchen"}
    assert not await called(waiter, ToolMessage("table 2 is booked", tool_call_id="call_97"))
