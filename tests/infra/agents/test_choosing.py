from datetime import UTC, datetime
from typing import Any

import pytest
from faststream.nats import NatsBroker

from contracts.profile import AgentProfile
from infra.agents.agent import Agent
from infra.agents.card import AgentCard, AgentCards, card_of, cards_of, put_cards, stored_cards
from infra.agents.choosing import checked_variables, local_time, with_agent, with_share
from infra.agents.errors import BadAgent, UnknownAgent, UnknownVariable
from infra.agents.loading import Agents
from tests.infra.agents.booking_agents import agent as booking

NOW = datetime(2026, 11, 30, 18, 5, tzinfo=UTC)
OURS = AgentProfile(
    prompt="Be kind.", llm="a:b", stt="local", tts="local", voice="amy", greeting="Hi.", llm_options='{"seed": 1}'
)
BILLING = Agent(name="billing", numbers=["+49 30 1234"])
CARDS = cards_of(Agents({"booking": booking, "billing": BILLING}, {"shop": "it has no agent"}))


def test_the_first_is_taken_unless_one_is_named() -> None:
    assert CARDS.chosen("").name == "booking"
    assert CARDS.chosen("billing").name == "billing"
    assert AgentCards().chosen("").name == AgentCards().chosen("default").name == "default"


@pytest.mark.parametrize(
    ("cards", "name", "told"),
    [
        (CARDS, "bokking", "there is no agent 'bokking'; there are: booking, billing"),
        (CARDS, "default", "there are: booking, billing"),
        (CARDS, "shop", "agent 'shop' cannot be used: it has no agent"),
        (AgentCards(), "booking", "there are: default"),
    ],
)
def test_another_is_refused_with_the_names_there_are(cards: AgentCards, name: str, told: str) -> None:
    with pytest.raises(UnknownAgent, match=told):
        cards.chosen(name)


def test_an_agent_that_cannot_be_used_is_never_the_default() -> None:
    cards = AgentCards(agents=(AgentCard(name="shop", error="…"), AgentCard(name="booking")))
    assert cards.chosen("").name == "booking"


@pytest.mark.parametrize(
    ("number", "name"), [("+49301234", "billing"), ("tel:+49-30-1234;x=1", "billing"), ("+4930", ""), ("", "")]
)
def test_a_number_is_compared_by_its_digits(number: str, name: str) -> None:
    assert CARDS.called_at(number) == name


def test_the_profile_says_what_was_chosen_and_filled_in() -> None:
    profile = with_agent(OURS, card_of(booking), {"restaurant": "Da Mario"}, NOW, "sam")
    assert (profile.agent, profile.variables) == ("booking", {"restaurant": "Da Mario"})
    assert profile.prompt == "You take bookings for Da Mario. Today is Monday, November 30, 2026."
    assert profile.greeting == "Good evening, Da Mario."
    assert (profile.llm, profile.voice, profile.llm_options) == ("a:b", "amy", '{"seed": 1}')


def test_what_an_agent_leaves_empty_is_as_the_settings_say() -> None:
    profile = with_agent(OURS, AgentCard(name="default"), {}, NOW, "sam")
    assert profile == OURS.model_copy(update={"agent": "default"})


def test_an_engine_of_its_own_has_its_own_options_and_voice() -> None:
    own = Agent(name="own", llm="openai:x", llm_options={"seed": 2, "api_key": "secret"}, tts="cartesia.TTS")
    profile = with_agent(OURS, card_of(own), {}, NOW, "sam")
    assert (profile.llm, profile.llm_options) == ("openai:x", '{"seed": 2}')
    assert (profile.tts, profile.voice, profile.stt) == ("cartesia.TTS", "", "local")


def test_by_text_nobody_is_greeted() -> None:
    silent = OURS.model_copy(update={"speaks": False, "greeting": ""})
    assert with_agent(silent, card_of(booking), {}, NOW, "sam").greeting == ""


def test_a_variable_that_nobody_gives_is_named_with_its_agent() -> None:
    card = AgentCard(name="a", instructions="{x} {y}", greeting="{z} {x}")
    with pytest.raises(UnknownVariable, match="'a' need a value for x, z"):
        with_agent(OURS, card, {"y": "1"}, NOW, "sam")


@pytest.mark.parametrize(
    "given",
    [{"today": "x"}, {"a b": "x"}, {"a": 5}, {"a": "x" * 513}, {"a": "two\nlines"}, {f"a{n}": "" for n in range(33)}],
)
def test_variables_that_cannot_be_given_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        checked_variables(given)


def test_now_is_where_the_caller_is() -> None:
    assert f"{local_time(1_780_000_000_000_000_000, 'Asia/Tokyo'):%H:%M %z}" == "05:26 +0900"


async def test_cards_reach_the_doors_and_those_of_the_last_start_count(broker: NatsBroker) -> None:
    assert await stored_cards(broker) == AgentCards()
    await put_cards(broker, CARDS)
    assert await stored_cards(broker) == CARDS
    await put_cards(broker, AgentCards())
    assert await stored_cards(broker) == AgentCards()


def test_a_session_gets_one_of_the_engines_that_its_agent_shares_out() -> None:
    shared = Agent(name="shared", tts="50%:a.TTS,local,50%:b.TTS")
    profile = with_agent(OURS, card_of(shared), {}, NOW, "sam")
    chosen = {with_share(profile, f"session-{n}").tts for n in range(40)}
    assert chosen == {"a.TTS,local", "b.TTS"}
    assert with_share(profile, "session-1") == with_share(profile, "session-1")
    assert with_share(OURS, "session-1") == OURS


def test_shares_that_make_no_whole_are_an_agents_fault() -> None:
    with pytest.raises(BadAgent, match="add up to 90%"):
        Agent(name="shared", llm="50%:a:b,40%:c:d")
