"""What a client of the WebSocket is sent when something is wrong."""

from typing import Any

CLOSE_CODES = {
    "bad-hello": 4400,
    "bad-session-id": 4400,
    "unknown-agent": 4400,
    "missing-variable": 4400,
    "too-many-errors": 4400,
    "slow-client": 4408,
    "taken-over": 4409,
    "session-closed": 4410,
    "session-unknown": 4410,
    "resume-refused": 4403,
    "other-door": 4410,
    "idle": 1000,
    "flood": 4429,
    "too-many-sessions": 4429,
    "too-many-requests": 4429,
    "unauthorized": 4401,
    "not-available": 4450,
    "busy": 4429,
    "log-unavailable": 4450,
    "shutdown": 1012,
}
"""The errors that close the connection, and with which code; after all others it stays open."""


def error_message(code: str, message: str, message_id: str = "") -> dict[str, Any]:
    """Return the message that says what went wrong, and with which of the client's messages if that had an id."""
    told = {"type": "error", "code": code, "message": message}
    return told | {"id": message_id} if message_id else told
