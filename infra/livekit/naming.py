"""Names across the border: which session a room is, which participant of ours an identity is. Pure.

Everything here follows from what LiveKit says, so two bridges of one room, and one that takes over, agree unasked.
"""

import hashlib
import re

from contracts.ids import derive_id, is_id

AGENT = "agent"
"""The participant id of our agent; nobody else gets it."""

_MAX_SLUG = 40


def session_of_room(room_sid: str) -> str:
    """Return the session of a room instance: a room that is made anew under its old name is another session."""
    return f"lk-{hashlib.blake2b(room_sid.encode(), digest_size=12).hexdigest()}"


def agent_identity(session_id: str) -> str:
    """Return the agent's identity in its room; of two with one identity LiveKit throws out the older: one speaks."""
    return f"agent-{session_id}"


def track_of_sid(track_sid: str, n: int = 0) -> str:
    """Return the track id of LiveKit's track; `n` counts how often it was listened to anew (by a successor)."""
    return derive_id(track_sid, "track", n)


def participant_of_identity(identity: str) -> str:
    """Return the participant id of an identity: itself where it can be one, else a readable slug with a short hash."""
    if is_id(identity) and identity != AGENT:
        return identity
    slug = re.sub(r"[^a-z0-9]+", "-", identity.lower()).strip("-")[:_MAX_SLUG].rstrip("-")
    digest = hashlib.blake2b(identity.encode(errors="surrogatepass"), digest_size=4).hexdigest()
    return f"{slug or 'p'}-{digest}"
