"""Reasoning: answers turns, with drafts while they may still be going on."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from faststream import FastStream
from faststream.nats import NatsBroker

from actors.reasoning.answering import Reasoning
from actors.reasoning.background import Backgrounds
from actors.reasoning.chat_models import ChatModels, MakeChatModel
from actors.reasoning.default_agent import agents_of
from actors.reasoning.end_scoring import EndScoring
from actors.reasoning.handover import warnings_about
from actors.reasoning.remarks import take_requests
from actors.reasoning.shared import Shared
from actors.reasoning.warming import PromptWarmer
from actors.reasoning.wire import LiveWire
from contracts import events as e
from contracts.topology import REASONING
from infra.agents.card import cards_of, put_cards
from infra.agents.live_control import Keypads, controls_on
from infra.agents.loading import Agents
from infra.agents.mcp_tools import McpServers
from infra.engines import local_model
from infra.engines.llm import chat_model
from infra.engines.sentence_end import SentenceEnds
from infra.engines.tokens import TokenCounter
from infra.log.broker import make_app, make_broker
from infra.log.connection import connection
from infra.log.inbox import Inbox, Job
from infra.log.live_events import LiveEvents
from infra.log.readiness import ASK_S
from infra.log.taped_log import LiveLog
from infra.log.tapes import tapes_of
from infra.memory.response_cache import ResponseCache
from infra.memory.turns import TurnMemory, turn_memory
from infra.settings import Settings
from infra.settings import settings as process_settings
from infra.tape.tape import Tapes

log = logging.getLogger(__name__)


def take_events(broker: NatsBroker, reasoning: Reasoning) -> Inbox:
    """Return the inbox of reasoning: what a copy does for each event."""
    inbox = Inbox(broker, REASONING, tapes=tapes_of(broker))

    @inbox.on(e.SessionOpened)
    async def session_opened(event: e.SessionOpened) -> Job | None:
        """Say the greeting."""
        return await reasoning.greet(event)

    @inbox.on(e.TranscriptRevised)
    async def transcript_revised(event: e.TranscriptRevised) -> Job | None:
        """Start a draft once the words are settled."""
        return await reasoning.prepare(event)

    @inbox.on(e.TurnEnded)
    async def turn_ended(event: e.TurnEnded) -> Job | None:
        """Answer, with the draft if there is one for these words."""
        return await reasoning.answer(event)

    @inbox.on(e.UtteranceDismissed)
    async def utterance_dismissed(event: e.UtteranceDismissed) -> Job | None:
        """Discard what was begun; what is no speech is not answered."""
        return await reasoning.dismiss(event)

    @inbox.on(e.RemarkRequested)
    async def remark_requested(event: e.RemarkRequested) -> Job | None:
        """Say what somebody asked the agent to say."""
        return await reasoning.remark(event)

    @inbox.on(e.SessionClosed)
    async def session_closed(event: e.SessionClosed) -> Job | None:
        """Discard drafts that will never be committed."""
        return await reasoning.close_session(event)

    return inbox


def listen(broker: NatsBroker, reasoning: Reasoning) -> LiveEvents:
    """Return the live handlers of every copy, which may be writing the reply in question."""
    live = LiveEvents(broker, REASONING, tapes_of(broker))

    @live.on(e.ReplyCommitted)
    async def reply_committed(event: e.ReplyCommitted) -> None:
        """Let the draft be heard."""
        reasoning.grant(event)

    @live.on(e.TurnInterrupted, e.ReplyDiscarded)
    async def reply_stopped(event: e.TurnInterrupted | e.ReplyDiscarded) -> None:
        """Stop writing the reply."""
        reasoning.stop(event)

    @live.on(e.ToolReturned)
    async def tool_returned(event: e.ToolReturned) -> None:
        """Go on with what a process of tools returned."""
        reasoning.note_returned(event)

    @live.on(e.SessionClosed)
    async def session_over(event: e.SessionClosed) -> None:
        """Stop writing in the session."""
        reasoning.stop_all(event)

    @live.on(e.DtmfReceived)
    async def key_pressed(event: e.DtmfReceived) -> None:
        """Pass the key to the tool that waits for it."""
        reasoning.key_pressed(event)

    return live


def reasoning_on(
    broker: NatsBroker,
    tapes: Tapes,
    settings: Settings,
    make_model: MakeChatModel = chat_model,
    memory: TurnMemory | None = None,
    agents: Agents | None = None,
    servers: McpServers | None = None,
) -> Reasoning:
    """Return a copy of the actor on the log of `broker`, with the agents of the settings if none are given.

    `servers` are the agents' MCP servers unless they are given.
    """
    models, tokens = ChatModels(settings, make_model), TokenCounter(settings)
    backgrounds = Backgrounds(memory)
    cache = ResponseCache(lambda: connection(broker), settings.response_cache_ttl_s)
    agents = agents or agents_of(settings)
    keypads = Keypads()
    shared = Shared(
        settings,
        models,
        backgrounds,
        cache,
        tokens,
        agents=agents,
        servers=servers or McpServers(agents.by_name.values()),
        control=controls_on(broker, keypads),
        keypads=keypads,
    )
    scoring = EndScoring(SentenceEnds(settings))
    warmer = PromptWarmer(models, tokens, scoring)
    return Reasoning(LiveLog(broker, tapes), tapes, LiveWire(broker), shared, warmer, scoring)


def make() -> FastStream:
    """Return the app of one copy."""
    broker = make_broker(REASONING)
    settings = process_settings()
    agents = agents_of(settings)
    for problem in agents.errors.values():
        log.error("%s", problem)
    for warning in warnings_about(agents):
        log.warning("%s", warning)
    reasoning = reasoning_on(broker, tapes_of(broker), settings, memory=turn_memory(settings), agents=agents)
    live = listen(broker, reasoning)
    requests = take_requests(broker, settings.max_text_bytes)
    inbox = take_events(broker, reasoning)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with live:
            await put_cards(broker, cards_of(agents))
            await reasoning.open()
            try:
                async with requests, inbox:
                    yield
                    await reasoning.finish_tools()
            finally:
                await reasoning.end_tools()
                await reasoning.close()

    async def local_model_problem() -> str:
        return await local_model.problem(settings, ASK_S)

    return make_app(
        REASONING, broker, lifespan, lambda: () if reasoning.can_answer else ("answer",), local_model_problem
    )
