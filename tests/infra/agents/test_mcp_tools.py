"""Tools of MCP servers: which of them are actions, and what an agent does without a server."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from infra.agents import mcp_tools
from infra.agents.agent import Agent
from infra.agents.call import Call
from infra.agents.mcp_sessions import MOST
from infra.agents.mcp_tools import McpServers, tools_at
from infra.agents.running import run_tool
from infra.agents.tool import Tool
from tests.waiting import until

CALENDAR = {
    "transport": "stdio",
    "command": sys.executable,
    "args": [str(Path(__file__).with_name("calendar_server.py"))],
    "readers": ["list_events"],
}
BARE = {"transport": "stdio", "command": sys.executable, "args": [str(Path(__file__).with_name("bare_server.py"))]}


async def nothing(_arguments: Mapping[str, object], _call: Call) -> object:
    return None


def a_tool(name: str) -> Tool:
    return Tool(name, "Do it.", {"type": "object"}, nothing)


def an_agent(*names: str, **fields: object) -> Agent:
    return Agent(name="a", mcp={name: {"transport": "stdio"} for name in names}, **fields)  # type: ignore[arg-type]


@pytest.mark.slow
async def test_a_real_server_lists_its_tools_and_runs_them() -> None:
    found = {tool.name: tool for tool in await tools_at("calendar", CALENDAR)}
    assert {name: found[name].kind for name in ("list_events", "add_event")} == {
        "list_events": "reader",
        "add_event": "action",
    }
    assert "day" in str(found["list_events"].parameters)
    result = await run_tool(found["list_events"], {"day": "Monday"}, Call("s-1"))
    assert (result.outcome, result.result) == ("ok", "nothing on Monday")
    failed = await run_tool(found["list_events"], {"day": "never"}, Call("s-1"))
    assert failed.outcome == "failed"
    assert "there is no such day" in failed.error


@pytest.fixture
async def bare() -> AsyncIterator[dict[str, Tool]]:
    """The tools of a server that runs as a program, as an agent has them."""
    agent = Agent(name="a", mcp={"bare": BARE})
    servers = McpServers([agent])
    await servers.open()
    await until(lambda: servers.tools_of(agent), 30)
    yield {tool.name: tool for tool in servers.tools_of(agent)}
    await servers.close()


async def process_of(tools: dict[str, Tool], seconds: float = 0.0) -> int:
    result = await run_tool(tools["slow"], {"seconds": seconds}, Call("s-1"))
    assert result.outcome == "ok", result.error
    return int(result.result)


@pytest.mark.parametrize("server", [BARE, pytest.param(CALENDAR, marks=pytest.mark.slow)], ids=["bare", "SDK"])
async def test_a_program_is_kept_from_call_to_call_and_ends_with_the_agents(server: dict[str, object]) -> None:
    agent = Agent(name="a", mcp={"server": server})
    servers = McpServers([agent])
    await servers.open()
    await until(lambda: servers.tools_of(agent), 30)
    tools = {tool.name: tool for tool in servers.tools_of(agent)}
    pids = {await process_of(tools) for _ in range(3)}
    assert len(pids) == 1
    await servers.close()
    assert not psutil.pid_exists(*pids)


async def test_calls_at_once_have_a_program_each_up_to_a_few(bare: dict[str, Tool]) -> None:
    pids = await asyncio.gather(*(process_of(bare, 0.2) for _ in range(6)))
    assert len(set(pids)) == MOST


async def test_a_program_that_has_died_is_started_again(bare: dict[str, Tool]) -> None:
    before = await process_of(bare)
    psutil.Process(before).kill()
    assert await process_of(bare) != before
    assert (await run_tool(bare["die"], {}, Call("s-1"))).outcome == "failed"
    assert await process_of(bare)


async def test_a_call_that_is_given_up_leaves_the_program_to_the_next(bare: dict[str, Tool]) -> None:
    before = await process_of(bare)
    given_up = await run_tool(replace(bare["slow"], timeout_s=0.1), {"seconds": 0.3}, Call("s-1"))
    assert given_up.outcome == "timed-out"
    assert await process_of(bare) == before


async def test_an_agent_goes_on_without_a_server_that_is_away_and_has_it_later(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mcp_tools, "RETRY_S", 0.01)
    is_back = asyncio.Event()

    async def ask(_name: str, _connection: mcp_tools.Connection) -> list[Tool]:
        if not is_back.is_set():
            raise ExceptionGroup("in a group of tasks", [ConnectionError("refused")])
        return [a_tool("later")]

    agent = an_agent("calendar")
    servers = McpServers([agent], ask)
    await servers.open()
    try:
        assert servers.tools_of(agent) == []
        assert servers.missing_of(agent) == {"calendar": "ConnectionError: refused"}
        is_back.set()
        await until(lambda: bool(servers.tools_of(agent)))
        assert servers.missing_of(agent) == {}
    finally:
        await servers.close()
    told = [record.message for record in caplog.records]
    assert told == ["agent a goes on without the MCP server calendar: ConnectionError: refused"]


@pytest.mark.slow
async def test_a_server_that_answers_rubbish_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_tools, "ASK_S", 2.0)
    rubbish = {**CALENDAR, "args": ["-c", "print('no JSON', flush=True); import time; time.sleep(60)"]}
    agent = Agent(name="a", mcp={"calendar": rubbish})
    servers = McpServers([agent])
    await servers.open()
    assert servers.tools_of(agent) == []
    await servers.close()


async def test_readers_that_are_no_list_are_an_error_that_says_so(caplog: pytest.LogCaptureFixture) -> None:
    agent = Agent(name="a", mcp={"calendar": {**CALENDAR, "readers": "list_events"}})
    servers = McpServers([agent])
    await servers.open()
    await servers.close()
    assert "'readers' of an MCP server is a list" in caplog.text


async def test_tools_whose_names_are_taken_or_impossible_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    async def ask(name: str, _connection: mcp_tools.Connection) -> list[Tool]:
        return [a_tool("own"), a_tool("shared"), a_tool("no name"), a_tool(f"of_{name}")]

    agent = an_agent("one", "two", tools=[a_tool("own")])
    servers = McpServers([agent], ask)
    await servers.open()
    await servers.close()
    assert sorted(tool.name for tool in servers.tools_of(agent)) == ["of_one", "of_two", "shared"]
    assert "that name is taken" in caplog.text
    assert "models accept no such name" in caplog.text
