"""What doors are told of an agent: plain data, without its code. Reasoning puts the cards of its agents on NATS."""

import json
import logging
from collections.abc import Iterable

from faststream.nats import NatsBroker
from nats.js.errors import KeyNotFoundError, NotFoundError
from pydantic import BaseModel, ConfigDict

from contracts.topology import AGENTS
from infra.agents.agent import Agent
from infra.agents.errors import UnknownAgent
from infra.agents.loading import DEFAULT, Agents
from infra.log.buckets import open_bucket
from infra.log.connection import connection, jetstream
from infra.session.behaviour import public_options

log = logging.getLogger(__name__)

MOST_BYTES = 900_000
"""Longest list of cards, as JSON: NATS takes messages of up to 1 MB."""


class AgentCard(BaseModel):
    """An agent as doors need it; what is empty is as the settings say. One with an `error` cannot be chosen."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    instructions: str = ""
    greeting: str = ""
    variables: dict[str, str] = {}
    numbers: tuple[str, ...] = ()
    llm: str = ""
    llm_options: str = ""
    """A JSON object, without keys and addresses."""
    stt: str = ""
    tts: str = ""
    voice: str = ""
    filler: str = ""
    filler_after_ms: int = 0
    silence_after_s: float = 0
    silence_text: str = ""
    time_limit_s: float = 0
    time_limit_text: str = ""
    error: str = ""


class AgentCards(BaseModel):
    """All agents of a system, the one that is taken if none is chosen first. None: only the one that is built in."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    agents: tuple[AgentCard, ...] = ()

    def chosen(self, name: str) -> AgentCard:
        """Return the agent of a name, the default for an empty one. Raises UnknownAgent, which says what there is."""
        usable = [card for card in self.agents if not card.error]
        if not name:
            return usable[0] if usable else AgentCard(name=DEFAULT)
        if not self.agents and name == DEFAULT:
            return AgentCard(name=DEFAULT)
        for card in self.agents:
            if card.name == name and card.error:
                raise UnknownAgent(f"agent {name!r} cannot be used: {card.error}")
            if card.name == name:
                return card
        names = ", ".join(card.name for card in usable) or DEFAULT
        raise UnknownAgent(f"there is no agent {name[:80]!r}; there are: {names}")

    def called_at(self, number: str) -> str:
        """Return the name of the agent whose telephone number this is; empty if it is nobody's."""
        called = digits_of(number)
        for card in self.agents:
            if called and any(digits_of(each) == called for each in card.numbers):
                return card.name
        return ""


def digits_of(number: str) -> str:
    """Return a telephone number as it can be compared: `+49 30 1234` and `tel:+49-30-1234` are one."""
    return "".join(character for character in number.partition(";")[0] if character.isdigit())


def card_of(agent: Agent) -> AgentCard:
    """Return the card of an agent."""
    options = public_options(agent.llm_options)
    return AgentCard(
        name=agent.name,
        instructions=agent.instructions,
        greeting=agent.greeting,
        variables=dict(agent.variables),
        numbers=tuple(agent.numbers),
        llm=agent.llm,
        llm_options=json.dumps(options, sort_keys=True, ensure_ascii=False) if options else "",
        stt=agent.stt,
        tts=agent.tts,
        voice=agent.voice,
        filler=agent.filler,
        filler_after_ms=agent.filler_after_ms,
        silence_after_s=agent.silence_after_s,
        silence_text=agent.silence_text,
        time_limit_s=agent.time_limit_s,
        time_limit_text=agent.time_limit_text,
    )


def cards_of(agents: Agents) -> AgentCards:
    """Return the cards of a process's agents, those that cannot be used last."""
    usable: Iterable[Agent] = agents.by_name.values()
    unusable = [AgentCard(name=name, error=error) for name, error in agents.errors.items()]
    return AgentCards(agents=(*(card_of(agent) for agent in usable), *unusable))


async def put_cards(broker: NatsBroker, cards: AgentCards) -> None:
    """Tell the doors which agents there are: the last that told it counts. Raises nats errors, ValueError."""
    written = cards.model_dump_json(exclude_defaults=True).encode()
    if len(written) > MOST_BYTES:
        raise ValueError(f"the agents' instructions are too long together: {len(written)} bytes, at most {MOST_BYTES}")
    bucket = await open_bucket(connection(broker).jetstream(), AGENTS)
    await bucket.put(AGENTS.key, written)


async def stored_cards(broker: NatsBroker) -> AgentCards:
    """Read which agents doors may choose. Raises nats errors."""
    try:
        bucket = await jetstream(broker).key_value(AGENTS.name)
        entry = await bucket.get(AGENTS.key)
    except (NotFoundError, KeyNotFoundError):
        return AgentCards()  # reasoning has never run here
    return AgentCards.model_validate_json(entry.value or b"{}")
