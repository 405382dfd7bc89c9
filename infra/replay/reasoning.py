"""Reasoning in a replay: the real actor, its handlers called as then, its engines' answers from the tape."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NoReturn

from faststream.nats import NatsBroker
from langchain_core.language_models import BaseChatModel

from actors.reasoning.actor import listen, take_events
from actors.reasoning.answering import Reasoning
from actors.reasoning.background import Backgrounds
from actors.reasoning.chat_models import ChatModels
from actors.reasoning.shared import Shared
from actors.reasoning.wire import SilentWire
from infra.engines.tokens import TokenCounter
from infra.memory.response_cache import ResponseCache
from infra.replay.actors import HandlersReplayed, Replayed, Seat
from infra.settings import Settings, settings


@asynccontextmanager
async def replayed_reasoning(seat: Seat) -> AsyncIterator[Replayed]:
    """Build a copy of reasoning for one stretch."""
    config = settings()  # a session's own behaviour is in its profile, where the actor reads it
    unused_cache = ResponseCache(_no_connection, ttl_s=0)
    models, tokens = ChatModels(config, _no_model), TokenCounter(config)
    shared = Shared(config, models, Backgrounds(None), unused_cache, tokens)
    reasoning = Reasoning(seat.log, seat.tapes, SilentWire(), shared)
    unconnected = NatsBroker()
    try:
        yield HandlersReplayed(seat, take_events(unconnected, reasoning), listen(unconnected, reasoning))
    finally:
        await reasoning.close()


def _no_connection() -> NoReturn:
    raise AssertionError("a replay has no connection to NATS")


def _no_model(name: str, settings: Settings) -> BaseChatModel:
    raise AssertionError(f"a replay asks no model, not even {name}")
