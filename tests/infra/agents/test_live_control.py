"""Keys that callers press reach the tool that asks for them."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from contracts import events as e
from infra.agents.errors import ToolFailed
from infra.agents.live_control import Keypads
from tests.actors.reasoning.facts import SESSION, fact


def pressed(*digits: str) -> Callable[[Keypads], Awaitable[None]]:
    async def press(keypads: Keypads) -> None:
        for n, digit in enumerate(digits):
            keypads.take(fact(e.DtmfReceived, f"key-{n}", participant_id="p", digit=digit, code=0))
            await asyncio.sleep(0)

    return press


async def collected(keypads: Keypads, press: Callable[[Keypads], Awaitable[None]], **wanted: object) -> str:
    options = {"digits": 4, "timeout_s": 0.05, "until": "#"} | wanted
    waiting = asyncio.create_task(keypads.keys(SESSION, **options))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    await press(keypads)
    return await waiting


async def test_keys_are_collected_until_there_are_enough_or_the_last_one_is_pressed() -> None:
    assert await collected(Keypads(), pressed(*"12345")) == "1234"
    assert await collected(Keypads(), pressed(*"12#")) == "12"
    assert await collected(Keypads(), pressed(*"12")) == "12", "the time is over"


async def test_without_a_key_the_tool_is_told_so() -> None:
    keypads = Keypads()
    keypads.take(fact(e.DtmfReceived, "early", participant_id="p", digit="9", code=9))
    with pytest.raises(ToolFailed, match="no key was pressed"):
        await collected(keypads, pressed())
