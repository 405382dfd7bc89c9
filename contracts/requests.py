"""Bodies of requests that any program may send, in MessagePack."""

import re

import msgpack

HANGUP = "hangup"
"""Why a session ended if nothing else is said."""

REASON = r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?"
"""The form of a program's reason for ending a session: up to 40 characters."""


class BadRequest(ValueError):
    """A request's body cannot be used; the message says why."""


def end_request(reason: str = "") -> bytes:
    """Return the body of a request to end a session; `SessionClosed.reason` will be `reason`, or `hangup`.

    Raises BadRequest for a reason that is not of the form of REASON.
    """
    return bytes(msgpack.packb({"reason": _checked(reason)})) if reason else b""


def reason_of_end(body: bytes) -> str:
    """Return the reason that a request to end a session gives, `hangup` if it gives none. Raises BadRequest."""
    if not body:
        return HANGUP
    try:
        fields = msgpack.unpackb(body)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise BadRequest("the request is no MessagePack map") from error
    if not isinstance(fields, dict):
        raise BadRequest("the request is no MessagePack map")
    return _checked(fields.get("reason") or HANGUP)


def _checked(reason: object) -> str:
    if not isinstance(reason, str) or not re.fullmatch(REASON, reason):
        raise BadRequest("reason: must be up to 40 lower-case letters, digits and dashes, such as `moderation`")
    return reason


def refusal(code: str, message: str) -> bytes:
    """Return the answer to a request that was not done: `{error: {code, message}}`."""
    return bytes(msgpack.packb({"error": {"code": code, "message": message}}))
