"""Who answers a conversation by text in a test: the real reasoning and persistence, with a model that has a script."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from langchain_core.language_models import BaseChatModel

from actors.persistence.actor import Records
from actors.reasoning.actor import listen, reasoning_on, take_events
from contracts.events import Event, PlaybackFinished, PlaybackInterrupted
from contracts.topology import PERSISTENCE
from infra.agents.loading import Agents
from infra.log.broker import make_broker
from infra.log.inbox import Inbox
from infra.log.taped_log import LiveLog
from infra.log.tapes import tapes_of
from infra.settings import Settings
from infra.tape.untaped import Untaped


@asynccontextmanager
async def reasoning(model: BaseChatModel, agents: Agents | None = None, **settings: Any) -> AsyncIterator[None]:
    """Run reasoning on the log that the settings name."""
    broker = make_broker("reasoning")
    actor = reasoning_on(
        broker,
        Untaped(),
        Settings.model_validate({"llm": "scripted:model"} | settings),
        lambda name, _: model,
        agents=agents,
    )
    inbox = take_events(broker, actor)
    await broker.start()
    await actor.open()
    try:
        async with listen(broker, actor), inbox:
            yield
    finally:
        await actor.close()
        await broker.stop()


@asynccontextmanager
async def persistence() -> AsyncIterator[None]:
    """Run what records turns."""
    broker = make_broker("persistence")
    tapes = tapes_of(broker)
    records = Records(LiveLog(broker, tapes), tapes, None)

    inbox = Inbox(broker, PERSISTENCE)

    @inbox.on(PlaybackFinished, PlaybackInterrupted)
    async def playback_ended(event: PlaybackFinished | PlaybackInterrupted) -> None:
        await records.record(event)

    @inbox.on_everything
    async def nothing_else(_: Event) -> None:
        pass

    await broker.start()
    await inbox.open()
    try:
        yield
    finally:
        await inbox.close()
        await broker.stop()


@dataclass(slots=True)
class Stream:
    """The events of one SSE answer, as they come."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def of(self, name: str) -> list[dict[str, Any]]:
        return [data for event, data in self.events if event == name]

    @property
    def names(self) -> list[str]:
        return [event for event, _ in self.events]

    @property
    def text(self) -> str:
        """The tokens put together, as a client does."""
        shown = ""
        for name, data in self.events:
            if name == "token":
                shown += data["text"]
            elif name == "reset":
                shown = data["text"]
        return shown


async def sse(answer: httpx.Response) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Yield name and data of each event."""
    name = ""
    async for line in answer.aiter_lines():
        if line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:"):
            yield name, json.loads(line[5:])


async def streamed(http: httpx.AsyncClient, **turn: Any) -> Stream:
    """Say a turn and return its answer's events when it is over."""
    stream = Stream()
    async with http.stream("POST", "/chat", json=turn, headers={"Accept": "text/event-stream"}) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for event in sse(answer):
            stream.events.append(event)
    return stream
