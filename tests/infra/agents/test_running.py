"""How a tool runs: its time, its retries, and what its exceptions become."""

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from infra.agents import running
from infra.agents.call import Call
from infra.agents.errors import ToolFailed
from infra.agents.running import run_tool
from infra.agents.tool import Tool, reader, tool_of

CALL = Call("s-1")


def a_tool(*outcomes: object, **settings: Any) -> Tool:
    """Return a tool that returns, raises or waits for these in turn."""
    left = list(outcomes)

    async def run(_arguments: Mapping[str, object], _call: Call) -> object:
        outcome = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(outcome, BaseException):
            raise outcome
        if outcome is asyncio.Event:
            await asyncio.Event().wait()
        return outcome

    return Tool("order", "Order it.", {"type": "object"}, run, **{"backoff_s": 0, **settings})


async def test_a_result_is_text_and_of_anything_else_json() -> None:
    assert (await run_tool(a_tool("done"), {}, CALL)).result == "done"
    assert (await run_tool(a_tool(["4", "7"]), {}, CALL)).result == '["4","7"]'


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (ToolFailed("there is none"), "there is none"),
        (KeyError("secret"), "it failed"),
        (SystemExit(3), "it failed"),
    ],
)
async def test_what_a_tool_raises_is_an_outcome(failure: BaseException, error: str) -> None:
    result = await run_tool(a_tool(failure), {}, CALL)
    assert (result.outcome, result.error, result.attempts) == ("failed", error, 1)


async def test_a_tool_that_ends_its_thread_does_not_end_the_process() -> None:
    def leave() -> str:
        """Leave."""
        sys.exit(3)

    result = await run_tool(tool_of(reader(leave)), {}, CALL)
    assert (result.outcome, result.error) == ("failed", "it failed")


async def test_a_tool_that_takes_too_long_has_timed_out_and_of_an_action_the_effect_is_not_known() -> None:
    reader = await run_tool(a_tool(asyncio.Event, timeout_s=0.01), {}, CALL)
    assert (reader.outcome, reader.error) == ("timed-out", "it took longer than 0.01 s")
    action = await run_tool(a_tool(asyncio.Event, timeout_s=0.01, kind="action"), {}, CALL)
    assert "whether it took effect is not known" in action.error


async def test_a_failure_is_tried_again_as_often_as_the_tool_says_with_longer_pauses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []

    async def note(pause_s: float) -> None:
        pauses.append(pause_s)

    monkeypatch.setattr("infra.agents.running.asyncio.sleep", note)
    result = await run_tool(a_tool(OSError(), OSError(), "done", retries=3, backoff_s=0.5), {}, CALL)
    assert (result.outcome, result.attempts, pauses) == ("ok", 3, [0.5, 1.0])
    result = await run_tool(a_tool(OSError(), retries=1), {}, CALL)
    assert (result.outcome, result.attempts) == ("failed", 2)


async def test_what_the_tool_says_cannot_be_done_is_not_tried_again() -> None:
    assert (await run_tool(a_tool(ToolFailed("no"), "done", retries=3), {}, CALL)).attempts == 1


async def test_a_result_that_the_log_cannot_hold_is_cut_and_says_how_long_it_was() -> None:
    result = await run_tool(a_tool("é" * 300_000), {}, CALL)
    assert (result.outcome, result.length) == ("ok", 300_000)
    assert len(result.result.encode()) == running.MOST_RESULT_BYTES
