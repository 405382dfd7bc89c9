import asyncio
import threading
from datetime import date
from typing import Any

import pytest
from langchain_core.tools import BaseTool, ToolException, tool
from pydantic import BaseModel

from infra.agents.call import Call
from infra.agents.errors import BadAgent, ToolFailed
from infra.agents.handoff import Handoff
from infra.agents.tool import Tool, action, reader, text_of, tool_of
from tests.infra.agents.booking_agents import book_table, find_tables

CALL = Call("s-1", user_id="Sam", idempotency_key="k1")


def test_a_tool_of_langchain_is_a_reader() -> None:
    found = tool_of(find_tables)
    assert (found.name, found.description, found.kind) == ("find_tables", "Free tables of a day.", "reader")
    assert found.parameters == {
        "type": "object",
        "properties": {"day": {"type": "string"}, "people": {"type": "integer", "default": 2}},
        "required": ["day"],
    }


async def test_the_call_is_given_to_the_tool_and_hidden_from_the_model() -> None:
    assert book_table.parameters["properties"] == {"table": {"type": "string"}}
    assert (book_table.is_action, book_table.idempotent) == (True, True)
    assert await book_table.run({"table": "4"}, CALL) == "4 for Sam by k1"


async def test_a_function_that_is_not_asynchronous_runs_in_a_thread() -> None:
    @reader
    def where() -> str:
        """Tell the thread."""
        return threading.current_thread().name

    assert await where.run({}, CALL) != threading.current_thread().name


async def test_arguments_become_what_the_function_is_annotated_with() -> None:
    @action(timeout_s=3, idempotent=True, retries=2)
    async def move(day: date, seats: list[int], call: Call | None = None) -> list[Any]:
        """Move a booking."""
        return [day, sum(seats), call]

    assert move.parameters["properties"] == {
        "day": {"type": "string", "format": "date"},
        "seats": {"type": "array", "items": {"type": "integer"}},
    }
    assert await move.run({"day": "2026-11-30", "seats": [1, 2]}, CALL) == [date(2026, 11, 30), 3, CALL]
    assert (move.timeout_s, move.retries) == (3, 2)
    with pytest.raises(ToolFailed, match=r"day: .*valid date"):
        await move.run({"day": "tomorrow", "seats": []}, CALL)


async def test_what_a_langchain_tool_raises_for_the_model_is_for_the_model() -> None:
    @tool
    def refuse() -> str:
        """Refuse."""
        raise ToolException("closed on Mondays")

    with pytest.raises(ToolFailed, match="closed on Mondays"):
        await tool_of(refuse).run({}, CALL)


async def test_a_tool_that_is_cancelled_is_cancelled_itself() -> None:
    ended: list[str] = []
    begun = asyncio.Event()

    @reader
    async def wait() -> None:
        """Wait."""
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    running = asyncio.ensure_future(wait.run({}, CALL))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended == ["cancelled"]


def test_a_tool_that_hands_over_says_so_in_its_annotation() -> None:
    @reader
    def to_billing(reason: str) -> Handoff | str:
        """Hand over to billing."""
        return Handoff("billing")

    assert to_billing.hands_over
    assert not book_table.hands_over


class Opaque:
    """Nothing that a model can write."""


def _untyped(day) -> str:  # type: ignore[no-untyped-def]
    """Tell the day."""
    return str(day)


def _any(day: Any) -> str:
    """Tell the day."""
    return str(day)


def _opaque(thing: Opaque) -> str:
    """Take a thing."""
    return ""


def _several(*days: str) -> str:
    """Take days."""
    return ""


def _undocumented(day: str) -> str:
    return day


class _Nameless(BaseTool):
    name: str = "nameless"
    description: str = ""

    def _run(self) -> str:
        return ""


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (_untyped, "argument 'day' has no schema"),
        (_any, "argument 'day' has no schema"),
        (_opaque, "has no schema"),
        (_several, "days has no schema"),
        (_undocumented, "docstring"),
        (_Nameless(), "no description"),
        (7, "no tool"),
    ],
)
def test_what_a_model_could_not_be_told_of_is_refused(given: Any, problem: str) -> None:
    with pytest.raises(BadAgent, match=problem):
        tool_of(given)


def test_limits_that_make_no_sense_are_refused() -> None:
    with pytest.raises(BadAgent, match="timeout_s"):
        reader(timeout_s=0)(find_tables)
    with pytest.raises(BadAgent, match="only an action that is idempotent is retried"):
        action(retries=1)(find_tables)


class _Table(BaseModel):
    number: int


@pytest.mark.parametrize(
    ("result", "text"),
    [("as it is", "as it is"), (None, ""), ([1, "two"], '[1,"two"]'), (_Table(number=4), '{"number":4}')],
)
def test_a_result_becomes_text_for_the_model(result: object, text: str) -> None:
    assert text_of(result) == text


def test_what_is_no_json_becomes_its_text() -> None:
    assert "Opaque" in text_of([Opaque()])


def test_a_tool_is_taken_as_it_is() -> None:
    async def run(_arguments: Any, _call: Call) -> str:
        return ""

    ours = Tool("x", "X.", {"type": "object"}, run)
    assert tool_of(ours) is ours
