"""Bodies of requests that any program may send, in MessagePack."""

import re
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import msgpack

HANGUP = "hangup"
"""Why a session ended if nothing else is said."""

REASON = r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?"
"""The form of a program's reason for ending a session: up to 40 characters."""


MOST_NAME_CHARS = 64


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
    return _checked(_fields_of(body).get("reason") or HANGUP)


@dataclass(frozen=True, slots=True)
class SayRequest:
    """What the agent is asked to say, and what asks for it.

    A request that is repeated under the same `id` is stored once.
    """

    text: str
    by: str
    id: str

    def packed(self) -> bytes:
        """Return the body of the request."""
        return bytes(msgpack.packb({"text": self.text, "by": self.by, "id": self.id}))


def say_request(body: bytes) -> SayRequest:
    """Return what a request to say something asks for; without an `id` it has a new one. Raises BadRequest."""
    fields = _fields_of(body)
    text, by, request_id = (fields.get(name) or "" for name in ("text", "by", "id"))
    if not isinstance(text, str) or not any(map(str.isalnum, text)):
        raise BadRequest("text: a text with at least one word was expected")
    if not isinstance(by, str) or not isinstance(request_id, str) or max(len(by), len(request_id)) > MOST_NAME_CHARS:
        raise BadRequest(f"by, id: texts of up to {MOST_NAME_CHARS} characters were expected")
    return SayRequest(text.strip(), by, request_id or uuid4().hex)


def _fields_of(body: bytes) -> dict[Any, Any]:
    try:
        fields = msgpack.unpackb(body)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise BadRequest("the request is no MessagePack map") from error
    if not isinstance(fields, dict):
        raise BadRequest("the request is no MessagePack map")
    return fields


def _checked(reason: object) -> str:
    if not isinstance(reason, str) or not re.fullmatch(REASON, reason):
        raise BadRequest("reason: must be up to 40 lower-case letters, digits and dashes, such as `moderation`")
    return reason


def refusal(code: str, message: str) -> bytes:
    """Return the answer to a request that was not done: `{error: {code, message}}`."""
    return bytes(msgpack.packb({"error": {"code": code, "message": message}}))
