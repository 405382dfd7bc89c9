"""Copies of reasoning whose tapes are kept, and what a replay makes of them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from faststream.nats import NatsBroker
from langchain_core.language_models import BaseChatModel

from actors.reasoning.actor import listen, reasoning_on, take_events
from actors.reasoning.answering import Reasoning
from actors.reasoning.session_log import DROPPED
from actors.reasoning.tools import CURRENT_TIME
from contracts import events as e
from contracts.journal import JournalChunk, decode_chunk
from contracts.topology import REASONING, journal_subject
from infra.agents.agent import Agent
from infra.agents.loading import DEFAULT, Agents
from infra.agents.mcp_tools import Ask, McpServers
from infra.agents.tool import Tool
from infra.log.broker import make_broker
from infra.log.clock import CLOCK
from infra.log.connection import connection
from infra.log.event_log import Fact, append, history
from infra.log.inbox import Inbox, Job
from infra.memory.turns import TurnMemory
from infra.replay.actors import ReplayedActor
from infra.replay.orders import run_in_some_order
from infra.replay.reasoning import replayed_reasoning
from infra.replay.schedule import Outcome, TapedStretch
from infra.settings import Settings
from infra.tape.deliveries import HANDLED
from infra.tape.handling import handler_called
from infra.tape.live import LiveTapes
from tests.actors.reasoning.facts import SESSION


@dataclass(slots=True)
class Copy:
    """A copy of reasoning, and the chunks of its tape once it has ended."""

    instance: str
    tapes: LiveTapes
    actor: Reasoning
    inbox: Inbox
    agents: Agents
    chunks: list[JournalChunk] = field(default_factory=list)

    async def take(self, fact: Fact) -> Job | None:
        """Have a fact handled, as the inbox does."""
        with handler_called(self.tapes.of(fact.event.session_id), HANDLED, fact.sequence):
            return await self.inbox.handle(fact.event)

    def drop(self) -> None:
        """Drop what it holds of the session, as it does when it has too many."""
        self.tapes.of(SESSION).took(DROPPED)
        self.actor.drop(SESSION)

    async def noted(self) -> int:
        """Return how many deliveries are on its tape by now."""
        await self.tapes.finish()
        return len(self.stretch().deliveries)

    def stretch(self, **fields: Any) -> TapedStretch:
        """Return its whole tape."""
        deliveries = tuple(each for chunk in self.chunks for each in chunk.deliveries)
        return TapedStretch(REASONING, self.instance, deliveries, **fields)


@asynccontextmanager
async def taped_copy(
    instance: str,
    *models: BaseChatModel,
    memory: object = None,
    having: Sequence[Tool] = (CURRENT_TIME,),
    agents: Agents | None = None,
    ask: Ask | None = None,
    **settings: Any,
) -> AsyncIterator[Copy]:
    """Run a copy whose models are called `fake:m0`, `fake:m1`, … or as the setting `llm` says."""
    names = str(settings.pop("llm", ",".join(f"fake:m{n}" for n in range(len(models)))))
    chain = dict(zip(names.split(","), models, strict=True))
    chunks: list[JournalChunk] = []

    async def keep(session_id: str, chunk: bytes) -> bool:
        chunks.append(decode_chunk(journal_subject(session_id, REASONING), chunk))
        return True

    broker = make_broker(REASONING)
    tapes = LiveTapes(REASONING, instance, "test", keep, CLOCK.peek_ns)
    broker.tapes = tapes  # type: ignore[attr-defined]
    await broker.connect()
    agents = agents or Agents(built_in=Agent(name=DEFAULT, tools=having))
    servers = McpServers([agents.built_in] if agents.built_in is not None else [], ask)
    chosen = Settings(llm=names, **settings)
    actor = reasoning_on(broker, tapes, chosen, lambda name, _: chain[name], cast(TurnMemory, memory), agents, servers)
    await actor.open()
    async with listen(broker, actor):
        yield Copy(instance, tapes, actor, take_events(broker, actor), agents, chunks)
    await actor.close()
    await broker.stop()
    await tapes.finish()


async def tell(broker: NatsBroker, copy: Copy | None, *events: e.Event) -> list[Job]:
    """Append facts; have those that reasoning takes handled by a copy in turn. Return what it goes on with."""
    jobs = []
    for event in events:
        fact = Fact(await append(broker, event), event)
        if copy is not None and isinstance(event, copy.inbox.events):
            job = await copy.take(fact)
            jobs += [job] if job is not None else []
    return jobs


async def finish(jobs: list[Job]) -> None:
    """Wait until replies are written."""
    for job in jobs:
        await asyncio.wait_for(job, 10)


async def facts_of(broker: NatsBroker) -> list[Fact]:
    """Return the session's facts."""
    return [fact async for fact in history(connection(broker), SESSION)]


async def replayed(stretch: TapedStretch, facts: list[Fact], agents: Agents | None = None) -> Outcome:
    """Run a stretch again, in a thread that has no event loop."""
    actor = ReplayedActor(partial(replayed_reasoning, agents=agents))
    return await asyncio.to_thread(run_in_some_order, stretch, SESSION, facts, actor)


def appended_by(copy: Copy, facts: list[Fact]) -> set[int]:
    """Return the sequences of a copy's own facts."""
    return {fact.sequence for fact in facts if fact.event.appended_by == copy.instance}
