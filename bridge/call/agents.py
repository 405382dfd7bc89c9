"""Which agent a session gets: doors choose among those that reasoning has, when they open it."""

from faststream.nats import NatsBroker

from bridge.text_input import ProtocolError
from contracts.profile import AgentProfile
from infra.agents.card import AgentCards
from infra.agents.choosing import AgentWanted, local_time, with_agent, with_share
from infra.agents.errors import UnknownAgent, UnknownVariable
from infra.agents.known_cards import known_cards
from infra.log.event_log import now_ns
from infra.session.behaviour import in_share, profile_of
from infra.settings import Settings


async def chosen_profile(
    broker: NatsBroker,
    settings: Settings,
    session_id: str,
    wanted: AgentWanted,
    user_id: str,
    time_zone: str = "",
    speaks: bool = True,
) -> AgentProfile:
    """Return the profile of a session that is about to be opened, with the agent that is wanted.

    Raises ProtocolError (`unknown-agent`, `missing-variable`), and nats errors.
    """
    cards = await known_cards(broker)
    return profile_with(cards, settings, session_id, wanted, user_id, time_zone, speaks)


def profile_with(
    cards: AgentCards,
    settings: Settings,
    session_id: str,
    wanted: AgentWanted,
    user_id: str,
    time_zone: str = "",
    speaks: bool = True,
) -> AgentProfile:
    """Return the profile with the agent that is wanted of these. Raises ProtocolError."""
    profile = profile_of(in_share(settings, session_id))
    if not speaks:
        profile = profile.model_copy(update={"speaks": False, "greeting": ""})
    now = local_time(now_ns(), time_zone or profile.time_zone)
    try:
        profile = with_agent(profile, cards.chosen(wanted.agent), wanted.variables, now, user_id)
        return with_share(profile, session_id)
    except UnknownAgent as error:
        raise ProtocolError("unknown-agent", str(error)) from error
    except UnknownVariable as error:
        raise ProtocolError("missing-variable", str(error)) from error
