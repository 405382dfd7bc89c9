"""What a model is told of a call whose arguments do not fit: in words that it can act on."""

import pytest
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.tools import tool

from actors.reasoning.written_calls import CallStream
from infra.agents.langchain_tools import tool_from


@tool
def book(table: str, people: int = 2) -> str:
    """Book a table."""
    return f"{table} for {people}"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ('{"table": "4"}', ""),
        ("{}", "the arguments do not fit: 'table' is a required property"),
        ('{"table": "4", "people": "two"}', "the arguments do not fit: people: 'two' is not of type 'integer'"),
        ("[4]", "the arguments are no JSON object: [4]"),
    ],
)
def test_arguments_that_do_not_fit(arguments: str, error: str) -> None:
    calls = CallStream()
    calls.feed([tool_call_chunk(name="book", args=arguments, id="a", index=0)])
    assert [call.error for call in calls.calls({"book": tool_from(book)}, False)] == [error]
