"""What becomes of a session when its agent is out of the room. Pure."""

from dataclasses import dataclass

from livekit.rtc import DisconnectReason


@dataclass(frozen=True, slots=True)
class JobEnding:
    """Why a job ends. With `session_goes_on` nothing is closed in the log: another job has the session, or gets it."""

    reason: str
    session_goes_on: bool = False
    room_is_gone: bool = False
    """Or we were removed from it: nothing of ours is left to end there."""


AGENT_REMOVED = "agent-removed"

_GONE = {
    DisconnectReason.ROOM_DELETED: "room-deleted",
    DisconnectReason.ROOM_CLOSED: "room-closed",
    DisconnectReason.PARTICIPANT_REMOVED: AGENT_REMOVED,
}


def ending_of(reason: "DisconnectReason.ValueType") -> JobEnding:
    """Return what follows from LiveKit's reason for a disconnect.

    Removed by another with our identity, or a connection that could not be restored: the session goes on.
    """
    if reason in _GONE:
        return JobEnding(_GONE[reason], room_is_gone=True)
    name = DisconnectReason.Name(reason).lower().replace("_", "-")
    return JobEnding(name, session_goes_on=True, room_is_gone=True)
