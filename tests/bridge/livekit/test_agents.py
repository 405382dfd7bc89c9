"""Which agent comes into a room: as its metadata, a person's attributes, or the number that a telephone called say."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from faststream.nats import NatsBroker
from livekit import api

from bridge.livekit.room_job import ERROR_ATTRIBUTE
from contracts import events as e
from contracts.profile import AgentProfile
from infra.agents.card import AgentCard, AgentCards, put_cards
from infra.livekit.naming import session_of_room
from tests.bridge.agent import Agent
from tests.bridge.livekit.conftest import Invite
from tests.bridge.livekit.guest import Guest
from tests.bridge.livekit.session_log import one
from tests.bridge.livekit.shared_bridge import *  # noqa: F403 (its fixtures)
from tests.livekit_server import LiveKitServer
from tests.waiting import until

CARDS = AgentCards(
    agents=(
        AgentCard(name="front"),
        AgentCard(
            name="shop",
            instructions="You work in a shop in {city}.",
            variables={"city": "Rome"},
            numbers=("+49 30 1234",),
        ),
    )
)
SIP = {"sip.trunkPhoneNumber": "+49301234", "sip.phoneNumber": "+441234", "sip.callStatus": "active"}
"""Attributes as livekit-sip gives them to a caller; there is none here."""


@pytest_asyncio.fixture(autouse=True)
async def agents(broker: NatsBroker) -> AsyncIterator[None]:
    await put_cards(broker, CARDS)
    yield
    await put_cards(broker, AgentCards())


async def profile_in(agent: Agent, guest: Guest) -> AgentProfile:
    opened = await one(agent, session_of_room(await guest.room.sid), e.SessionOpened)
    assert isinstance(opened, e.SessionOpened)
    assert opened.profile is not None
    return opened.profile


async def test_a_room_that_says_nothing_gets_the_first(invite: Invite, agent: Agent) -> None:
    assert (await profile_in(agent, await invite())).agent == "front"


async def test_the_metadata_of_a_room_says_which(
    invite: Invite, agent: Agent, livekit_server: LiveKitServer, hall: str
) -> None:
    wanted = json.dumps({"agent": "shop", "variables": {"city": "Oslo"}})
    async with livekit_server.api() as livekit:
        await livekit.room.create_room(api.CreateRoomRequest(name=hall, metadata=wanted))
    profile = await profile_in(agent, await invite(attributes={"daredevil.agent": "front"}))
    assert (profile.agent, profile.prompt) == ("shop", "You work in a shop in Oslo.")


@pytest.mark.parametrize(
    ("joins", "prompt"),
    [
        ({"attributes": {"daredevil.agent": "shop", "daredevil.variable.city": "Bonn"}}, "You work in a shop in Bonn."),
        ({"attributes": SIP, "kind": "sip", "identity": "sip_+441234"}, "You work in a shop in Rome."),
    ],
    ids=["token", "telephone"],
)
async def test_the_first_person_says_which(invite: Invite, agent: Agent, joins: dict[str, Any], prompt: str) -> None:
    profile = await profile_in(agent, await invite(**joins))
    assert (profile.agent, profile.prompt) == ("shop", prompt)


async def test_a_room_that_wants_one_that_is_not_there_gets_none_and_the_reason(invite: Invite) -> None:
    ada = await invite(attributes={"daredevil.agent": "shpo"})

    def told() -> list[str]:
        there = ada.room.remote_participants.values()
        return [why for each in there if (why := each.attributes.get(ERROR_ATTRIBUTE))]

    await until(told)
    assert told() == ["unknown-agent: there is no agent 'shpo'; there are: front, shop"]
