"""Clients that come and go leave nothing behind in the door: subscriptions, tasks, descriptors."""

import asyncio
from dataclasses import dataclass

import httpx
import psutil
import pytest
from faststream.nats import NatsBroker

from contracts import events as e
from infra.log.connection import connection
from tests.actors.reasoning.models import ScriptedModel
from tests.bridge.agent import Agent
from tests.bridge.http.answering import reasoning
from tests.bridge.http.conftest import ADMIN, OpenHttp
from tests.waiting import until

pytestmark = pytest.mark.slow

PROFILE = {"prompt": "", "llm": "scripted:model", "stt": "local", "tts": "local"}
STREAM = {"Accept": "text/event-stream"}
TIMES = 60


@dataclass(frozen=True, slots=True)
class Held:
    """What this process holds, door and broker in it."""

    subscriptions: int
    tasks: int
    descriptors: int

    def is_within(self, before: "Held") -> bool:
        return (
            self.subscriptions <= before.subscriptions
            and self.tasks <= before.tasks
            and self.descriptors <= before.descriptors
        )


def held(broker: NatsBroker) -> Held:
    return Held(len(connection(broker)._subs), len(asyncio.all_tasks()), psutil.Process().num_fds())


@pytest.fixture
async def http(open_http: OpenHttp) -> httpx.AsyncClient:
    return await open_http(max_openings_per_minute=0)


async def broken_off(http: httpx.AsyncClient, method: str, path: str, **request: object) -> None:
    """Ask for a stream on a connection of its own, and hang up at its first line."""
    async with (
        httpx.AsyncClient(base_url=http.base_url, timeout=20) as client,
        client.stream(method, path, **request) as answer,  # type: ignore[arg-type]
    ):
        assert answer.status_code == 200
        await anext(answer.aiter_lines())


async def test_streams_of_facts_that_break_off(http: httpx.AsyncClient, broker: NatsBroker) -> None:
    await Agent(broker).append(e.SessionOpened, "call", door="websocket", user_id="sam", profile=PROFILE)

    async def watch() -> None:
        await broken_off(http, "GET", "/sessions/call/facts", headers=ADMIN | STREAM)

    await watch()
    before = held(broker)
    for _ in range(TIMES // 10):
        await asyncio.gather(*(watch() for _ in range(10)))
    await until(lambda: held(broker).is_within(before), what=f"{before}")


async def test_conversations_by_text_whose_readers_hang_up(http: httpx.AsyncClient, broker: NatsBroker) -> None:
    async with reasoning(ScriptedModel.playing(["Yes, ", "indeed, ", "that is so."])):

        async def talk() -> None:
            await broken_off(http, "POST", "/chat", json={"text": "Hello."}, headers=STREAM)

        await talk()
        await until(lambda: not answering(), what="the first turn's end")
        before = held(broker)
        for _ in range(TIMES // 10):
            await asyncio.gather(*(talk() for _ in range(10)))
        await until(lambda: not answering() and held(broker).is_within(before), within_s=30, what=f"{before}")


def answering() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("turn of ")]
