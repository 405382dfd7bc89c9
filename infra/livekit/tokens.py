"""Tokens to join one room as one identity, with no more rights than the role needs."""

import re
from datetime import timedelta
from typing import Literal, get_args

from livekit.api import AccessToken, RoomAgentDispatch, RoomConfiguration, VideoGrants

from infra.agents.choosing import AgentWanted
from infra.livekit.access import LiveKitAccess
from infra.livekit.naming import AGENT_ATTRIBUTE, VARIABLE_ATTRIBUTE

Role = Literal["caller", "listener", "moderator"]
"""`caller` speaks, listens and types; `listener` only listens; `moderator` may also mute and remove people."""

ROLES: tuple[Role, ...] = get_args(Role)
LONGEST = timedelta(days=7)
NAME_PATTERN = r"[\w.:@+\-]([\w.:@+\- ]{0,126}[\w.:@+\-])?"
"""Rooms and identities: 1 to 128 letters, digits and `_ . : @ + -`, spaces inside."""

_NAME = re.compile(NAME_PATTERN)
_TTL = re.compile(r"([0-9]{1,6})(s|m|h|d)?")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def checked_name(what: str, name: str) -> str:
    """Return a valid name of a room or an identity. Raises ValueError, which says what is allowed."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{what} must be 1 to 128 letters, digits, spaces or any of _ . : @ + -")
    return name


def checked_identity(identity: str) -> str:
    """Return an identity that a person may have. Raises ValueError.

    Joining under the agent's identity would remove the agent, so those are refused.
    """
    if identity == "agent" or identity.startswith("agent-"):
        raise ValueError("an identity must not be `agent` or begin with `agent-`: those belong to the agent")
    return checked_name("an identity", identity)


def ttl_of(text: str) -> timedelta:
    """Return a lifetime such as `90s`, `10m`, `1h` or `2d`; a bare number is seconds. Raises ValueError."""
    match = _TTL.fullmatch(text.strip())
    ttl = timedelta(seconds=int(match[1]) * _UNITS[match[2] or ""]) if match else timedelta()
    if not timedelta() < ttl <= LONGEST:
        raise ValueError(f"a lifetime must be like 90s, 10m or 1h, at most {LONGEST.days} days, not {text!r}")
    return ttl


def join_token(
    access: LiveKitAccess,
    room: str,
    identity: str,
    ttl: timedelta,
    role: Role = "caller",
    name: str = "",
    agent_name: str = "",
    wanted: AgentWanted | None = None,
) -> str:
    """Return a signed token (JWT) to join `room` as `identity` until `ttl` from now; it does not end a stay.

    With `agent_name` the agent of that name is sent into the room if joining creates the room; an existing room stays
    as it is. `wanted` is the agent of our own, with variables, that they talk with if they are the first in the room.
    Raises ValueError for an invalid room or identity, or a name of more than 128 characters.
    """
    checked_name("a room", room)
    checked_identity(identity)
    if len(name) > 128 or not (name or "x").isprintable():
        raise ValueError("a display name must have at most 128 printable characters")
    token = (
        AccessToken(access.key, access.secret).with_identity(identity).with_ttl(ttl).with_grants(_grants(role, room))
    )
    if name:
        token = token.with_name(name)
    if wanted is not None and (attributes := attributes_of(wanted)):
        token = token.with_attributes(attributes)
    if agent_name and role != "listener":
        token = token.with_room_config(RoomConfiguration(agents=[RoomAgentDispatch(agent_name=agent_name)]))
    return token.to_jwt()


def attributes_of(wanted: AgentWanted) -> dict[str, str]:
    """Return the attributes of a token of somebody who wants that agent."""
    agent = {AGENT_ATTRIBUTE: wanted.agent} if wanted.agent else {}
    return agent | {f"{VARIABLE_ATTRIBUTE}{name}": value for name, value in wanted.variables.items()}


def _grants(role: Role, room: str) -> VideoGrants:
    speaks = role != "listener"
    return VideoGrants(
        room_join=True,
        room=room,
        can_subscribe=True,
        can_publish=speaks,
        can_publish_data=speaks,
        can_publish_sources=["microphone"] if speaks else None,
        room_admin=True if role == "moderator" else None,
    )
