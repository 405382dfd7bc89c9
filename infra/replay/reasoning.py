"""Reasoning in a replay: the real actor, its handlers called as then, its engines' answers from the tape."""

from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import NoReturn

from faststream.nats import NatsBroker
from langchain_core.language_models import BaseChatModel

from actors.reasoning.actor import listen, take_events
from actors.reasoning.answering import Reasoning
from actors.reasoning.background import Backgrounds
from actors.reasoning.chat_models import ChatModels
from actors.reasoning.default_agent import BUILT_IN
from actors.reasoning.session_log import DROPPED, RECONNECTED
from actors.reasoning.shared import Shared
from actors.reasoning.wire import SilentWire
from contracts.events import EndRequested, Event, HandedOver, RemarkRequested, SessionOpened
from infra.agents.errors import BadAgent
from infra.agents.loading import Agents, load_agents
from infra.engines.tokens import TokenCounter
from infra.log.event_log import Fact
from infra.memory.response_cache import ResponseCache
from infra.replay.actors import HandlersReplayed, Replayed, ReplayedActor, Seat
from infra.settings import Settings, settings
from infra.tape.deliveries import Delivery


@asynccontextmanager
async def replayed_reasoning(seat: Seat, agents: Agents | None = None) -> AsyncIterator[Replayed]:
    """Build a copy of reasoning for one stretch, with the agents of the settings if none are given."""
    unused_cache = ResponseCache(_no_connection, ttl_s=0)
    ours = settings()  # for what the profile of an older session does not say
    models, tokens = ChatModels(ours, _no_model), TokenCounter(ours)
    shared = Shared(ours, models, Backgrounds(None), unused_cache, tokens, agents=agents or _agents(ours.agents))
    reasoning = Reasoning(seat.log, seat.tapes, SilentWire(), shared)
    if seat.first:
        reasoning.hold(seat.session_id, (fact for fact in seat.facts if fact.sequence <= seat.first))
    try:
        yield _Replayed(seat, reasoning)
    finally:
        await reasoning.close()


class _Replayed(HandlersReplayed):
    """Its handlers, and the moments when it dropped what it held of the session, or may have missed something."""

    def __init__(self, seat: Seat, reasoning: Reasoning) -> None:
        unconnected = NatsBroker()
        super().__init__(seat, take_events(unconnected, reasoning), listen(unconnected, reasoning))
        self._session_id = seat.session_id
        self._reasoning = reasoning

    def deliver(self, delivery: Delivery) -> Awaitable[None] | None:
        """Hand a delivery to the code."""
        if delivery.kind == DROPPED:
            self._reasoning.drop(self._session_id)
            return None
        if delivery.kind == RECONNECTED:
            self._reasoning.fall_behind(self._session_id)
            return None
        return super().deliver(delivery)


@lru_cache(maxsize=4)
def _agents(places: str) -> Agents:
    """Return the agents of files and modules, which are loaded once for all sessions. Raises BadAgent."""
    return load_agents(places, BUILT_IN)


def missing_agents(facts: Sequence[Fact]) -> str:
    """Return which agents of a session are not here, and what to do; empty if all are."""
    wanted = {fact.event.profile.agent for fact in facts if isinstance(fact.event, SessionOpened)}
    wanted |= {fact.event.to_agent for fact in facts if isinstance(fact.event, HandedOver)}
    try:
        here = _agents(settings().agents)
    except BadAgent as error:
        return f"reasoning was not run again, as its agents cannot be loaded: {error}"
    missing = sorted(name for name in wanted if here.of(name) is None)
    if not missing:
        return ""
    why = "; ".join(here.errors[name] for name in missing if name in here.errors)
    return (
        f"reasoning was not run again: this build has no agent {' and '.join(repr(name) for name in missing)}"
        f"{f' ({why})' if why else ''}; give the file that has it: `--agents booking.py` (or DAREDEVIL_AGENTS)"
    )


def _no_connection() -> NoReturn:
    raise AssertionError("a replay has no connection to NATS")


def _no_model(name: str, settings: Settings) -> BaseChatModel:
    raise AssertionError(f"a replay asks no model, not even {name}")


def _decides(event: Event) -> bool:
    return not isinstance(event, RemarkRequested | EndRequested)


REPLAYED_REASONING = ReplayedActor(replayed_reasoning, _decides, lacks=missing_agents)
"""It does not decide what others, or tools, ask for; it stores that for them."""
