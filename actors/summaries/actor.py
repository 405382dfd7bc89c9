"""Summaries: when a session has closed, what it was about, by the language model or else by its own sentences."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from faststream import FastStream
from faststream.nats import NatsBroker

from actors.summaries.conversation import Line, conversation, extract, sentiment, topics, transcript
from contracts.events import EngineFailed, Event, SummaryWritten
from contracts.ids import derive_id
from contracts.topology import SUMMARIES
from infra.broker import make_app, make_broker
from infra.facts import facts_after, now_ns, say
from infra.inbox import Inbox
from infra.settings import Settings, settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

log = logging.getLogger(__name__)

INSTRUCTION = "Summarise this phone call in one or two short sentences. Say only what was talked about."
LONGEST_TRANSCRIPT, LONGEST_ANSWER = 3_000, 600
"""Characters: a small local model takes no more, and writes no more that is worth keeping."""

Models = list[tuple[str, "BaseChatModel"]]


class Unusable(RuntimeError):
    """The model's answer is no summary."""


def load_models(settings: Settings) -> Models:
    """Return the language models in order of preference. Raises what the engine raises."""
    from infra.engines.llm import chat_models

    return chat_models(settings)


async def summarise(broker: NatsBroker, settings: Settings, closed: Event) -> None:
    """Say the summary of a closed session, unless it is in the log."""
    facts = [fact.event for fact in await facts_after(broker, closed.session_id)]
    if any(isinstance(fact, SummaryWritten) for fact in facts):
        return
    lines = conversation(facts)
    summary, model, failures = "", "", list[EngineFailed]()
    if lines:
        summary, model, failures = await _written(settings, closed, lines)
    for failure in failures:
        await say(broker, failure)
    written = SummaryWritten(
        event_id=derive_id(closed.event_id, "SummaryWritten"),
        session_id=closed.session_id,
        time_ns=now_ns(),
        cause_id=closed.event_id,
        summary=summary,
        topics=topics(lines),
        sentiment=sentiment(lines),
        turns=sum(line.speaker == "user" for line in lines),
        model=model,
    )
    await say(broker, written)


async def _written(settings: Settings, closed: Event, lines: list[Line]) -> tuple[str, str, list[EngineFailed]]:
    """Return the summary, the model that wrote it (`extract` if none could), and the failures on the way."""
    failures: list[EngineFailed] = []

    def note(engine: str, error: Exception) -> None:
        told = f"{type(error).__name__}: {error}"[:500]
        log.warning("the summary of %s failed with %s: %s", closed.session_id, engine, told)
        failure = EngineFailed(
            event_id=derive_id(closed.event_id, "EngineFailed", len(failures)),
            session_id=closed.session_id,
            time_ns=now_ns(),
            cause_id=closed.event_id,
            actor=SUMMARIES,
            engine=f"llm:{engine}",
            error=told,
            action="tried the next model, or took the user's first sentences",
        )
        failures.append(failure)

    try:
        models = await asyncio.to_thread(load_models, settings)
    except Exception as error:  # a provider may raise anything
        note(settings.llm, error)
        models = []
    for name, model in models:
        try:
            async with asyncio.timeout(settings.llm_timeout_s):
                return await _asked(model, lines), name, failures
        except Exception as error:  # a provider may raise anything
            note(name, error)
    return extract(lines), "extract", failures


async def _asked(model: "BaseChatModel", lines: list[Line]) -> str:
    """Return what the model makes of the conversation. Raises Unusable if that is nothing."""
    question = f"{INSTRUCTION}\n\n{transcript(lines, LONGEST_TRANSCRIPT)}\n\nSummary:"
    answer = await model.ainvoke([("user", question)])
    summary = " ".join(_text(answer.content).split())[:LONGEST_ANSWER]
    if not summary:
        raise Unusable("an empty answer")
    return summary


def _text(content: Any) -> str:
    """Return the text of a LangChain message: a string, or a list of parts."""
    if isinstance(content, str):
        return content
    return "".join(part if isinstance(part, str) else str(part.get("text", "")) for part in content)


def make() -> FastStream:
    """Return the app of this actor."""
    broker = make_broker(SUMMARIES)

    async def handle(event: Event) -> None:
        await summarise(broker, settings(), event)

    inbox = Inbox(broker, SUMMARIES, handle)

    @asynccontextmanager
    async def life() -> AsyncIterator[None]:
        await inbox.open()
        try:
            yield
        finally:
            await inbox.close()

    return make_app(SUMMARIES, broker, life)
