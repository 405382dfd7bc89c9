"""An agent with MCP servers: it uses their tools, and tells the caller if it cannot."""

import pytest

from actors.reasoning.testing import CallTool, Fail, Hang, Say, conversation
from contracts import events as e
from infra.agents.agent import Agent
from infra.agents.tool import reader
from tests.actors.reasoning.testing.taped import assert_comes_out_the_same

AGENT = Agent(
    name="secretary", instructions="You keep a calendar.", mcp={"calendar": {"transport": "http", "url": "http://x"}}
)


@reader
def list_events(day: str) -> str:
    """List the events of a day."""
    return f"nothing on {day}"


LIST = CallTool("list_events", day="Monday")


def test_the_tools_of_a_server_are_the_agents() -> None:
    with conversation(AGENT, model=[LIST, Say("Nothing.")], mcp={"calendar": [list_events]}) as talk:
        turn = talk.say("What is on Monday?")
        assert (turn.tools[0].result, turn.context[0].text) == ("nothing on Monday", "You keep a calendar.")
        assert [run.tool for run in talk.tool_runs] == ["list_events"]
        assert talk.of(e.EngineFailed) == []


def test_without_a_server_the_model_is_told_and_a_fact_says_so_once() -> None:
    with conversation(AGENT, model=[Say("I cannot look now."), Say("Still not.")]) as talk:
        turn = talk.say("What is on Monday?")
        assert "Your tools for calendar cannot be reached" in talk.asked[0][0].text
        assert turn.reply == "I cannot look now."
        talk.say("And now?")
        (failed,) = talk.of(e.EngineFailed)
        assert (failed.engine, failed.action) == ("mcp:calendar", "went on without its tools")
        assert "ConnectionError" in failed.error


@pytest.mark.parametrize("fault", [Fail(ConnectionError("reset")), Hang()])
def test_a_server_that_fails_in_a_call_is_told_to_the_model(fault: Fail | Hang) -> None:
    script = [LIST, Say("I cannot look now.")]
    served = {"calendar": [list_events]}
    with conversation(AGENT, model=script, mcp=served, tools={"list_events": fault}) as talk:
        turn = talk.say("What is on Monday?")
        assert turn.tools[0].returned is not None
        assert (turn.tools[0].returned.outcome, turn.reply) != ("ok", "")
        assert talk.asked[1][-1].text == turn.tools[0].error != ""


def test_a_replay_knows_which_servers_were_away(monkeypatch: pytest.MonkeyPatch) -> None:
    assert_comes_out_the_same(monkeypatch, AGENT, ["Hello?"], {"mcp"}, model=[Say("Hello.")])
