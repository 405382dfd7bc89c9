"""Requests and answers of the HTTP API, as its OpenAPI page describes them."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bridge.text_input import MAX_USER_ID_LENGTH, UserId, Variables
from bridge.web.resume_tokens import MAX_TOKEN_LENGTH
from contracts.events import LatencyParts
from contracts.ids import ID_PATTERN
from contracts.topology import checked_session
from infra.time_zones import checked_zone

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

SessionId = Annotated[str, AfterValidator(checked_session)]


def time_of(time_ns: int) -> datetime:
    """Return a time of the log as the API shows it (UTC, microseconds)."""
    return EPOCH + timedelta(microseconds=time_ns // 1000)


def ns_of(moment: datetime) -> int:
    """Return a time of the API as the log has it, to the microsecond; without a zone it is UTC."""
    zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (zoned - EPOCH) // timedelta(microseconds=1) * 1000


class ChatRequest(BaseModel):
    """A turn by text."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Hello! Who are you?", "user_id": "sam"}]})

    text: str = Field(description="The text, with at least one word; at most DAREDEVIL_MAX_TEXT_BYTES as UTF-8.")
    user_id: UserId | None = Field(
        None,
        description="Who says it: the agent remembers past conversations of the same user.",
        json_schema_extra={"maxLength": MAX_USER_ID_LENGTH},
    )
    session_id: SessionId | None = Field(
        None,
        description="The conversation to continue; without it a new one begins.",
        json_schema_extra={"pattern": ID_PATTERN},
    )
    resume_token: str = Field(
        "", max_length=MAX_TOKEN_LENGTH, description="With `session_id`: the secret that came with its first answer."
    )
    time_zone: Annotated[str, AfterValidator(checked_zone)] | None = Field(
        None, max_length=64, description="Where a new conversation's user is, as an IANA name: `Europe/Berlin`."
    )
    agent: str = Field("", max_length=64, description="The agent of a new conversation; by default the first.")
    variables: Variables = Field(
        {}, description='Values for the variables of its instructions, by name: `{"restaurant": "Da Mario"}`.'
    )


class ChatAnswer(BaseModel):
    """The agent's answer, once the log holds that it was read. Times are ms since the turn was taken."""

    session_id: str
    turn_id: str
    reply_id: str
    text: str
    finish: Literal[
        "completed", "failed", "length", "filter", "refusal", "tool-calls", "broken-off", "half-closed", "enough"
    ] = Field(
        description="How it ended. `failed`: the model failed, `text` is an apology; `length`, `broken-off`, "
        "`half-closed`: it was cut off, `text` ends with a whole sentence and offers the rest; `filter`, `refusal`: "
        "the model or its provider declined; `tool-calls`: it asked for tools too often; `enough`: it began to repeat "
        "itself and was stopped, `text` ends before that."
    )
    first_token_ms: float | None
    total_ms: float
    resume_token: str | None = Field(
        None,
        description="With a session's first answer: the secret with which to continue, read and close it.",
    )


class RemarkBody(BaseModel):
    """What the agent is to say."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "A colleague will join us in a minute."}]})

    text: str = Field(description="What it says, as it stands; at most DAREDEVIL_MAX_TEXT_BYTES as UTF-8.")
    id: str = Field("", max_length=64, description="Of your own: what is sent twice under one id is said once.")


class StoredRemark(BaseModel):
    """It is stored, and will be said: the fact `RemarkRequested` of this id."""

    event_id: str


class SessionItem(BaseModel):
    """A session. `closed_at` is null while it is open."""

    session_id: str
    user_id: str
    door: str
    opened_at: datetime
    closed_at: datetime | None = None
    close_reason: str | None = None
    erased_at: datetime | None = None
    has_recording: bool = False
    has_summary: bool = False


class SessionPage(BaseModel):
    """Sessions, the newest first. `next` is the `cursor` of the next page, null on the last."""

    sessions: list[SessionItem]
    next: str | None


class ClosedSession(BaseModel):
    """A session that has ended."""

    session_id: str
    closed_at: datetime
    close_reason: str


class FactItem(BaseModel):
    """Something that happened: `data` is the event of that name in `asyncapi.yaml`."""

    sequence: int = Field(description="Its place in the log; they grow within a session, with gaps.")
    name: str = Field(description="The event's class.")
    data: dict[str, Any]


class FactPage(BaseModel):
    """Facts, the oldest first. `next` is the `after` of the next page, null on the last."""

    facts: list[FactItem]
    next: str | None


class SessionDetail(SessionItem):
    """A session with what it consists of."""

    turns: int
    facts: int
    participants: list[str]
    profile: dict[str, Any]


class TranscriptReply(BaseModel):
    """An answer: `text` is what was heard or read of it, `written` what was generated."""

    reply_id: str
    text: str
    written: str
    start_ms: float | None
    end_ms: float | None
    interrupted: bool
    gap_ms: float | None = Field(description="From the end of speech to the first sound; null after typed text.")
    parts: LatencyParts | None = Field(description="What the gap is made of.")


class TranscriptTurn(BaseModel):
    """What was said, and the answers to it. Times are ms since the session began, as in the recording."""

    turn_id: str
    source: Literal["speech", "text", "agent"] = Field(
        description="`agent`: the agent spoke unasked, as in a greeting."
    )
    name: str = Field("", description="Who said it, where several people were there.")
    text: str
    start_ms: float | None
    end_ms: float | None
    replies: list[TranscriptReply]


class Transcript(BaseModel):
    """What was said in a session, in order."""

    session_id: str
    user_id: str
    began_at: datetime
    turns: list[TranscriptTurn]


class FinalSummary(BaseModel):
    """What a conversation was about, written when it had ended."""

    summary: str
    topics: list[str]
    sentiment: str
    action_items: list[str]
    turns: int
    model: str
    written_at: datetime


class RollingSummary(BaseModel):
    """What an ongoing conversation is about; covers its first `turns`."""

    summary: str
    turns: int
    model: str
    written_at: datetime


class Summary(BaseModel):
    """A session's summaries; those that were not written are null."""

    session_id: str
    final: FinalSummary | None
    rolling: RollingSummary | None


class CaptionItem(BaseModel):
    """What somebody said, with its place in the recording (ms since its start)."""

    speaker: Literal["user", "agent"]
    name: str = Field("", description="Who said it, where several people were there.")
    text: str
    start_ms: float
    end_ms: float


class RecordingItem(BaseModel):
    """The sound of a session: `url` serves it, people are on the left and the agent on the right."""

    url: str
    media_type: str = "audio/webm"
    sample_rate_hz: int
    channels: int
    duration_ms: float
    is_complete: bool = Field(description="Whether the session has ended and nothing is added any more.")


class Playback(Transcript):
    """Everything that a player needs: the sound, the turns, and the captions."""

    recording: RecordingItem | None
    captions: list[CaptionItem]
