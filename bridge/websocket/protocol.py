"""The protocol between the page and the WebSocket door: its messages, and what is wrong with invalid ones."""

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from bridge.plain_words import unread_json, wrong_field
from bridge.playback.reports import ClientReport, ClockMs, HeldReply, Played
from bridge.text_input import SURROGATE, CleanText, ProtocolError, UserId, Variables
from bridge.web.resume_tokens import MAX_TOKEN_LENGTH
from infra.time_zones import checked_zone

MAX_SOUND_BYTES = 64_000
"""Longest binary message that a client may send."""

MAX_HELD_REPLIES = 64
"""How many replies a client that comes back may report."""


MAX_MESSAGE_BYTES = 1_000_000
"""Longest message that is read at all; a longer one closes the connection with 1009."""


class Hello(ClientReport):
    """The first message: who is there, at which rate the microphone comes, and what a client that comes back has."""

    type: Literal["hello"]
    session_id: str | None = None
    resume_token: str = Field("", max_length=MAX_TOKEN_LENGTH)
    replies: list[HeldReply] | None = Field(None, max_length=MAX_HELD_REPLIES)
    only_resume: bool = False
    """Whether to refuse the client if the session does not exist, rather than open one with that id."""
    token: str = Field("", max_length=8_192)
    summary: bool = False
    """Whether the client stays after its hang-up until the summary is written."""
    user_id: UserId = ""
    name: CleanText = Field("", max_length=256)
    sample_rate_hz: int = Field(16_000, ge=8_000, le=48_000)
    mic: bool = True
    clock_ms: ClockMs | None = Field(None, description="What the clock of `Played.at_ms` shows as this is sent.")
    counts_played: bool = False
    """Whether the client counts what it plays: until it does, nothing is heard. For others the door estimates."""
    time_zone: Annotated[str, AfterValidator(checked_zone)] = Field("", max_length=64)
    agent: str = Field("", max_length=64)
    """Which agent a new session gets; the default if it is empty."""
    variables: Variables = {}
    """What its instructions and greeting are filled in with."""


class TypedText(ClientReport):
    """A turn from the keyboard; with an `id` it is stored once, however often it is sent, and acknowledged.

    Ids are compared exactly: two that differ are two texts.
    """

    type: Literal["text"]
    text: str
    id: str = Field("", max_length=64)


class Hangup(ClientReport):
    """The person ends the call."""

    type: Literal["hangup"]


ClientMessage = Hello | TypedText | Played | Hangup
_MESSAGES: TypeAdapter[ClientMessage] = TypeAdapter(Annotated[ClientMessage, Field(discriminator="type")])
_TYPES = ("hello", "text", "played", "hangup")


def parse(text: str) -> ClientMessage:
    """Return the message in a text frame. Raises ProtocolError."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        said = unread_json(error)
        raise ProtocolError("bad-json", f'{said}; text messages are JSON objects such as {{"type":"hello"}}') from error
    if not isinstance(fields, dict):
        raise ProtocolError("bad-json", "a JSON object was expected")
    if fields.get("type") not in _TYPES:
        raise ProtocolError("unknown-type", f"`type` is one of {', '.join(_TYPES)}")
    try:
        return _MESSAGES.validate_python(fields)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in problem["loc"][1:])
        raise ProtocolError(
            "bad-field", f"{fields['type']}: {where}: {wrong_field(problem)}", _id_of(fields)
        ) from error


def _id_of(fields: dict[str, Any]) -> str:
    """Return the id of a text, also of an invalid one; "" if it has none that could be sent back."""
    given = fields.get("id") if fields["type"] == "text" else None
    return given if isinstance(given, str) and not SURROGATE.search(given) else ""


def parse_hello(text: str | None) -> Hello:
    """Return the greeting that opens a connection; `None` stands for a binary message. Raises ProtocolError."""
    if text is None:
        raise ProtocolError("bad-hello", 'sound came before the greeting: send {"type":"hello"} first')
    try:
        message = parse(text)
    except ProtocolError as error:
        raise ProtocolError("bad-hello", str(error)) from error
    if not isinstance(message, Hello):
        raise ProtocolError("bad-hello", 'the first message is {"type":"hello"}')
    return message


def checked_sound(data: bytes) -> bytes:
    """Return a binary message if it is sound (16-bit mono PCM). Raises ProtocolError."""
    if len(data) > MAX_SOUND_BYTES:
        raise ProtocolError("bad-audio", f"{len(data)} bytes of sound at once; send at most {MAX_SOUND_BYTES}")
    if len(data) % 2:
        raise ProtocolError("bad-audio", "an odd number of bytes is no 16-bit PCM; the message was left out")
    return data
