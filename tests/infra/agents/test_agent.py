from datetime import UTC, datetime
from typing import Any

import pytest

from infra.agents.agent import Agent
from infra.agents.errors import BadAgent, UnknownVariable
from infra.agents.template import missing_in, rendered
from tests.infra.agents.booking_agents import agent, book_table, find_tables

NOW = datetime(2026, 11, 30, 18, 5, tzinfo=UTC)


def test_an_agent_has_its_tools_by_name() -> None:
    assert list(agent.named_tools) == ["find_tables", "book_table"]
    assert agent.named_tools["book_table"] is book_table


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": "Two Words"}, "no name for an agent"),
        ({"name": ""}, "no name for an agent"),
        ({"instructions": "Take {"}, "template cannot be read"),
        ({"instructions": "Take {a.b}"}, "no variable"),
        ({"greeting": "Hello {}"}, "no variable"),
        ({"variables": {"n": 3}}, "'n' has to be a text"),
        ({"tools": [find_tables, find_tables]}, "two tools are called 'find_tables'"),
        ({"tools": [lambda: 1]}, "docstring|no name for a tool"),
        ({"silence_after_s": -1}, "at least 0"),
        ({"mcp": {"calendar": {"url": "http://127.0.0.1:1/mcp"}}}, "'calendar' has the transport None: give it one of"),
    ],
)
def test_an_agent_that_cannot_work_is_refused_by_name(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(BadAgent, match=problem):
        Agent(**{"name": "shop", **fields})


def test_a_template_gets_its_variables_and_the_day() -> None:
    text = rendered(agent.instructions, {"restaurant": "Da Mario"}, NOW)
    assert text == "You take bookings for Da Mario. Today is Monday, November 30, 2026."
    assert rendered("{{{user}}} at {now}", {}, NOW, "Sam") == "{Sam} at 18:05"
    assert rendered("{today}", {"today": "a holiday"}, NOW) == "a holiday"


def test_a_value_with_braces_is_not_read_as_a_template() -> None:
    assert rendered("For {who}.", {"who": "{today}"}, NOW) == "For {today}."


def test_a_variable_that_nobody_gives_is_named() -> None:
    assert missing_in("{a} {b} {a} {today}", {"b": ""}) == ("a",)
    with pytest.raises(UnknownVariable, match="a, c"):
        rendered("{a} {b} {c}", {"b": "1"}, NOW)
