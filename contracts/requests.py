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

PHONE_ADDRESS = r"tel:\+?[0-9*#().\-]{2,40}|sips?:[^\s<>]{3,200}"
"""Where a phone call can go."""


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


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """Whose phone call is to go where: `tel:+49…` or `sip:…`. Raises BadRequest for anything else."""

    participant_id: str
    to: str

    def __post_init__(self) -> None:
        _checked_participant(self.participant_id)
        if not isinstance(self.to, str) or not re.fullmatch(PHONE_ADDRESS, self.to):
            raise BadRequest("to: an address such as `tel:+4940123456` or `sip:desk@example.com` was expected")

    def packed(self) -> bytes:
        """Return the body of the request."""
        return bytes(msgpack.packb({"participant_id": self.participant_id, "to": self.to}))


def transfer_request(body: bytes) -> TransferRequest:
    """Return what a request to transfer a call asks for. Raises BadRequest."""
    fields = _fields_of(body)
    return TransferRequest(fields.get("participant_id", ""), fields.get("to", ""))


def who_hangs_up(body: bytes) -> str:
    """Return the participant whom a request to hang up names; empty if the session is to end. Raises BadRequest."""
    return _checked_participant(_fields_of(body).get("participant_id", "")) if body else ""


def _checked_participant(participant_id: object) -> str:
    if not isinstance(participant_id, str) or len(participant_id) > MOST_NAME_CHARS:
        raise BadRequest(f"participant_id: a text of up to {MOST_NAME_CHARS} characters was expected")
    return participant_id


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
