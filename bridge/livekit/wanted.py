"""Which agent a room wants, and values of variables: by its dispatch, its metadata, its first person. Pure."""

import json
import logging
from collections.abc import Mapping

from infra.agents.card import AgentCards
from infra.agents.choosing import AgentWanted, checked_variables
from infra.livekit.naming import AGENT_ATTRIBUTE, VARIABLE_ATTRIBUTE

log = logging.getLogger(__name__)

CALLED_NUMBER = "sip.trunkPhoneNumber"
"""LiveKit's attribute of a caller by phone: the number that was called."""


def wanted_in(
    cards: AgentCards, dispatch: str, dispatched: str, room: str, attributes: Mapping[str, str]
) -> AgentWanted:
    """Return what is wanted: what comes first says it.

    `dispatch` and `room` are metadata, `{"agent": "booking", "variables": {…}}`, other keys and texts do not matter;
    then the number called and the attributes of the first person's token; then `dispatched`, the name of the dispatch,
    if an agent has it.
    """
    told = [_told(dispatch), _told(room)]
    own = AgentWanted(attributes.get(AGENT_ATTRIBUTE, "").strip(), _variables_in(attributes))
    number = cards.called_at(attributes.get(CALLED_NUMBER, ""))
    names = [*(each.agent for each in told), number, own.agent]
    if any(card.name == dispatched for card in cards.agents):
        names.append(dispatched)
    variables = {**own.variables, **told[1].variables, **told[0].variables}
    return AgentWanted(next((name for name in names if name), ""), variables)


def _told(metadata: str) -> AgentWanted:
    try:
        fields = json.loads(metadata)
    except (ValueError, RecursionError):
        return AgentWanted()  # metadata is anybody's: what is not ours is left alone
    if not isinstance(fields, dict):
        return AgentWanted()
    agent, variables = fields.get("agent"), fields.get("variables")
    return AgentWanted(agent.strip() if isinstance(agent, str) else "", _checked(variables))


def _variables_in(attributes: Mapping[str, str]) -> dict[str, str]:
    return _checked(
        {
            name.removeprefix(VARIABLE_ATTRIBUTE): value
            for name, value in attributes.items()
            if name.startswith(VARIABLE_ATTRIBUTE)
        }
    )


def _checked(variables: object) -> dict[str, str]:
    if not isinstance(variables, dict):
        return {}
    try:
        return checked_variables(variables)
    except ValueError as error:
        log.warning("variables of a room are left out: %s", error)
        return {}
