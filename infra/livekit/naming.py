"""Names in LiveKit and in ours: which session a room is, which participant an identity is. Pure.

All of them follow from LiveKit's own data, so two bridges of one room, and one that takes over, agree on them.
"""

import hashlib
import re

from contracts.ids import derive_id, is_id

AGENT = "agent"
"""The participant id of our agent, which nobody else gets."""

AGENT_ATTRIBUTE = "daredevil.agent"
"""A person's attribute, as their token gives it: which agent they want to talk with."""
VARIABLE_ATTRIBUTE = "daredevil.variable."
"""Begins the names of those that give the variables of its instructions: `daredevil.variable.restaurant`."""

_MAX_SLUG = 40
_SUCCESSORS = 20
"""How many bridges, one after the other, may have listened to one track."""


def session_of_room(room_sid: str) -> str:
    """Return the session of a room instance: a room that is created again under its old name is another session."""
    return f"lk-{hashlib.blake2b(room_sid.encode(), digest_size=12).hexdigest()}"


def agent_identity(session_id: str) -> str:
    """Return the agent's identity in its room. LiveKit removes the older of two with one identity: one speaks."""
    return f"agent-{session_id}"


def track_of_sid(track_sid: str, n: int = 0) -> str:
    """Return our id of LiveKit's track; `n` counts how often a successor started to listen to it again."""
    return derive_id(track_sid, "track", n)


def tracks_of_sid(track_sid: str) -> set[str]:
    """Return the ids that LiveKit's track may have, whichever successor listens to it."""
    return {track_of_sid(track_sid, n) for n in range(_SUCCESSORS)}


def participant_of_identity(identity: str) -> str:
    """Return the participant id of an identity: itself if it is valid as one, else a readable slug with a hash."""
    if is_id(identity) and identity != AGENT:
        return identity
    slug = re.sub(r"[^a-z0-9]+", "-", identity.lower()).strip("-")[:_MAX_SLUG].rstrip("-")
    digest = hashlib.blake2b(identity.encode(errors="surrogatepass"), digest_size=4).hexdigest()
    return f"{slug or 'p'}-{digest}"
