"""The wire between the page and the WebSocket door: messages, and what is wrong with the wrong ones."""

import json
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

MAX_SOUND_BYTES = 64_000
"""Longest binary message taken from a client."""

MAX_MESSAGE_BYTES = 1_000_000
"""Longest message that is read at all; beyond it the connection is closed with 1009."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")

CLOSE_CODES = {
    "bad-hello": 4400,
    "bad-session-id": 4400,
    "too-many-errors": 4400,
    "slow-client": 4408,
    "taken-over": 4409,
    "session-closed": 4410,
    "other-door": 4410,
    "idle": 1000,
    "flood": 4429,
    "too-many-sessions": 4429,
    "busy": 4429,
    "log-unavailable": 4450,
    "shutdown": 1012,
}
"""The errors after which the connection is closed, and with which code; after all others it goes on."""


class Rubbish(ValueError):
    """What the client sent is no message of ours: `code` for programs, the text says what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def clean_text(text: str) -> str:
    """Return text without control characters (newlines and tabs stay), lone surrogates replaced, ends trimmed."""
    return _SURROGATE.sub("\ufffd", _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))).strip()


CleanText = Annotated[str, AfterValidator(clean_text)]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Hello(_Message):
    """The first message: who is there, and at which rate the microphone comes."""

    type: Literal["hello"]
    session_id: str | None = None
    user_id: CleanText = Field("", max_length=256)
    name: CleanText = Field("", max_length=256)
    sample_rate_hz: int = Field(16_000, ge=8_000, le=48_000)
    mic: bool = True


class TypedText(_Message):
    """A turn from the keyboard."""

    type: Literal["text"]
    text: str


class Played(_Message):
    """How many samples of a reply have been played so far, at the rate that `reply` named."""

    type: Literal["played"]
    reply_id: CleanText = Field(max_length=128)
    samples: int = Field(ge=0, le=2**53)
    started: bool = False
    ended: bool = False


class Hangup(_Message):
    """The person ends the call."""

    type: Literal["hangup"]


ClientMessage = Hello | TypedText | Played | Hangup
_MESSAGES: TypeAdapter[ClientMessage] = TypeAdapter(Annotated[ClientMessage, Field(discriminator="type")])
_TYPES = ("hello", "text", "played", "hangup")


def parse(text: str) -> ClientMessage:
    """Return the message in a text frame. Raises Rubbish."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Rubbish("bad-json", 'text messages are JSON objects such as {"type":"hello"}') from error
    if not isinstance(fields, dict):
        raise Rubbish("bad-json", "a JSON object was expected")
    if fields.get("type") not in _TYPES:
        raise Rubbish("unknown-type", f"`type` is one of {', '.join(_TYPES)}")
    try:
        return _MESSAGES.validate_python(fields)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in problem["loc"][1:])
        raise Rubbish("bad-field", f"{fields['type']}: {where}: {problem['msg']}") from error


def parse_hello(text: str | None) -> Hello:
    """Return the greeting that opens a connection; `None` stands for a binary message. Raises Rubbish."""
    if text is None:
        raise Rubbish("bad-hello", 'sound came before the greeting: send {"type":"hello"} first')
    try:
        message = parse(text)
    except Rubbish as error:
        raise Rubbish("bad-hello", str(error)) from error
    if not isinstance(message, Hello):
        raise Rubbish("bad-hello", 'the first message is {"type":"hello"}')
    return message


def checked_sound(data: bytes) -> bytes:
    """Return a binary message if it can be sound (16-bit mono PCM). Raises Rubbish."""
    if len(data) > MAX_SOUND_BYTES:
        raise Rubbish("bad-audio", f"{len(data)} bytes of sound at once; send at most {MAX_SOUND_BYTES}")
    if len(data) % 2:
        raise Rubbish("bad-audio", "an odd number of bytes is no 16-bit PCM; the message was left out")
    return data


def checked_text(text: str, max_bytes: int) -> str:
    """Return a typed turn, cleaned. Raises Rubbish if it is too long or there is nothing in it."""
    cleaned = clean_text(text)
    size = len(cleaned.encode())
    if size > max_bytes:
        raise Rubbish("text-too-long", f"{size} bytes of text; at most {max_bytes} can be answered")
    if not cleaned:
        raise Rubbish("text-empty", "there is nothing to answer in this text")
    return cleaned


def error_message(code: str, message: str) -> dict[str, Any]:
    """Return the message that tells a client what went wrong."""
    return {"type": "error", "code": code, "message": message}
