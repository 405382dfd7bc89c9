"""The wire between the page and the WebSocket door: messages, and what is wrong with the wrong ones."""

import json
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from bridge.plain_words import unread_json, wrong_field
from bridge.websocket.resume_tokens import MAX_TOKEN_LENGTH
from infra.time_zones import checked_zone

MAX_SOUND_BYTES = 64_000
"""Longest binary message taken from a client."""

MAX_HELD_REPLIES = 64
"""Replies that a client which comes back may tell of."""

DEFAULT_RATE_HZ = 24_000
"""Taken for the rate of a reply's sound where none of that has come yet."""

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
"""The errors after which the connection is closed, and with which code; after all others it goes on."""


class ProtocolError(ValueError):
    """What the client sent is no message of ours: `code` for programs, the text says what to do."""

    def __init__(self, code: str, message: str, message_id: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message_id = message_id
        """The id that the client gave its message, if it did."""


def clean_text(text: str) -> str:
    """Return text without control characters (newlines and tabs stay), lone surrogates replaced, ends trimmed."""
    return _SURROGATE.sub("\ufffd", _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))).strip()


CleanText = Annotated[str, AfterValidator(clean_text)]

MAX_USER_ID_LENGTH = 256


def checked_user_id(user_id: str) -> str:
    """Return a user id as it is: one that would have to be changed could become somebody else's. Raises ValueError."""
    if len(user_id) > MAX_USER_ID_LENGTH:
        raise ValueError(f"at most {MAX_USER_ID_LENGTH} characters are taken")
    if clean_text(user_id) != user_id or "\n" in user_id or "\t" in user_id:
        raise ValueError("it has control characters, or a space at an end: who it names could be mistaken")
    return user_id


UserId = Annotated[str, AfterValidator(checked_user_id)]


ClockMs = Annotated[float, Field(ge=-(2**53), le=2**53, allow_inf_nan=False)]
"""ms on a clock of the client's that never goes back."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class HeldReply(_Message):
    """What a client that comes back has of a reply, in samples from the reply's start."""

    reply_id: CleanText = Field(max_length=128)
    received: int = Field(0, ge=0, le=2**53)
    samples: int = Field(0, ge=0, le=2**53)
    """Played."""
    started_ago_ms: float | None = Field(None, ge=0, le=86_400_000)
    """How long ago its first sound was heard."""
    ended: bool = False

    def started_at(self, now_ns: int, rate_hz: int, earliest_ns: int) -> int | None:
        """Return when it was first heard, None if it was not; as its count tells where the client does not say."""
        if self.started_ago_ms is None and self.samples == 0:
            return None
        ago_ms = self.started_ago_ms
        if ago_ms is None:
            ago_ms = self.samples * 1000 / (rate_hz or DEFAULT_RATE_HZ)
        return max(earliest_ns, now_ns - int(ago_ms * 1e6))


class Hello(_Message):
    """The first message: who is there, at which rate the microphone comes, and what a client that comes back has."""

    type: Literal["hello"]
    session_id: str | None = None
    resume_token: str = Field("", max_length=MAX_TOKEN_LENGTH)
    replies: list[HeldReply] | None = Field(None, max_length=MAX_HELD_REPLIES)
    only_resume: bool = False
    """Whether to be refused rather than have a new session of that id opened."""
    token: str = Field("", max_length=8_192)
    summary: bool = False
    """Whether it stays after its hang-up until the summary is written."""
    user_id: UserId = ""
    name: CleanText = Field("", max_length=256)
    sample_rate_hz: int = Field(16_000, ge=8_000, le=48_000)
    mic: bool = True
    clock_ms: ClockMs | None = Field(None, description="What the clock of `Played.at_ms` shows as this is sent.")
    counts_played: bool = False
    """Whether it tells what it plays: until it does, nothing counts as heard. Of others the door makes an estimate."""
    time_zone: Annotated[str, AfterValidator(checked_zone)] = Field("", max_length=64)


class TypedText(_Message):
    """A turn from the keyboard; with an `id` it is stored once however often it is sent, and its storing is told.

    The id is taken to the letter: two that differ are never taken for one.
    """

    type: Literal["text"]
    text: str
    id: str = Field("", max_length=64)


class Played(_Message):
    """How many samples of a reply have been played so far, at the rate that `reply` named.

    `at_ms` is when that was and `clock_ms` when the message is sent, both on any clock of the client's that never goes
    back; without them the message counts as it comes. `stalled`: the sound ran out there; `resumed`: it flows again.
    """

    type: Literal["played"]
    reply_id: CleanText = Field(max_length=128)
    samples: int = Field(ge=0, le=2**53)
    started: bool = False
    ended: bool = False
    stalled: bool = False
    resumed: bool = False
    at_ms: ClockMs | None = None
    clock_ms: ClockMs | None = None


class Hangup(_Message):
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
    """Return the id of a text, also of one that cannot be taken; "" if there is none that could be told again."""
    given = fields.get("id") if fields["type"] == "text" else None
    return given if isinstance(given, str) and not _SURROGATE.search(given) else ""


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
    """Return a binary message if it can be sound (16-bit mono PCM). Raises ProtocolError."""
    if len(data) > MAX_SOUND_BYTES:
        raise ProtocolError("bad-audio", f"{len(data)} bytes of sound at once; send at most {MAX_SOUND_BYTES}")
    if len(data) % 2:
        raise ProtocolError("bad-audio", "an odd number of bytes is no 16-bit PCM; the message was left out")
    return data


def checked_text(text: str, max_bytes: int, message_id: str = "") -> str:
    """Return a typed turn, cleaned. Raises ProtocolError if it is too long or there is nothing in it."""
    cleaned = clean_text(text)
    size = len(cleaned.encode())
    if size > max_bytes:
        raise ProtocolError("text-too-long", f"{size} bytes of text; at most {max_bytes} can be answered", message_id)
    if not cleaned:
        raise ProtocolError("text-empty", "there is nothing to answer in this text", message_id)
    return cleaned


def error_message(code: str, message: str, message_id: str = "") -> dict[str, Any]:
    """Return the message that tells a client what went wrong, and with which of its messages if that had an id."""
    told = {"type": "error", "code": code, "message": message}
    return told | {"id": message_id} if message_id else told
