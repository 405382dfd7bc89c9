"""What goes in and out of the HTTP API, for people who read its OpenAPI page."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bridge.protocol import CleanText
from contracts.ids import ID_PATTERN
from contracts.topology import checked_session

SessionId = Annotated[str, AfterValidator(checked_session)]


def time_of(time_ns: int) -> datetime:
    """Return a time of the log as the API tells it (UTC, microseconds)."""
    return datetime.fromtimestamp(time_ns / 1e9, UTC)


class ChatRequest(BaseModel):
    """A turn by text."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Hello! Who are you?", "user_id": "sam"}]})

    text: str = Field(description="What is said; at most DAREDEVIL_MAX_TEXT_BYTES as UTF-8.")
    user_id: CleanText | None = Field(
        None, max_length=256, description="Who says it: the agent remembers past conversations of the same user."
    )
    session_id: SessionId | None = Field(
        None,
        description="The conversation to go on with; without it a new one begins.",
        json_schema_extra={"pattern": ID_PATTERN},
    )


class ChatAnswer(BaseModel):
    """The agent's answer, once the log holds that it was read. Times are ms since the turn was taken."""

    session_id: str
    turn_id: str
    reply_id: str
    text: str
    finish: Literal["completed", "failed"] = Field(description="`failed`: the model failed, `text` is an apology.")
    first_token_ms: float | None
    total_ms: float


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


class SessionDetail(SessionItem):
    """A session with what it consists of."""

    turns: int
    facts: int
    participants: list[str]
    profile: dict[str, Any]


class TranscriptTurn(BaseModel):
    """One exchange. `agent_text` is what was heard or read; `agent_written` what was generated."""

    turn_id: str | None
    reply_id: str | None
    at: datetime
    source: Literal["speech", "text", "greeting"]
    user_text: str
    agent_text: str
    agent_written: str
    interrupted: bool
    gap_ms: float | None = None


class Transcript(BaseModel):
    """What was said in a session, in order."""

    session_id: str
    user_id: str
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
    """What a conversation is about that still goes on; stands for its first `turns`."""

    summary: str
    turns: int
    model: str
    written_at: datetime


class Summary(BaseModel):
    """A session's summaries; those that were not written are null."""

    session_id: str
    final: FinalSummary | None
    rolling: RollingSummary | None


class Caption(BaseModel):
    """Words of somebody, with their place in the recording (ms since its start)."""

    speaker: Literal["user", "agent"]
    text: str
    start_ms: float
    end_ms: float
    turn_id: str | None = None
    reply_id: str | None = None
    clause_index: int | None = None


class RecordingItem(BaseModel):
    """The sound of a session: `url` serves it, people are on the left and the agent on the right."""

    url: str
    codec: str
    sample_rate_hz: int
    channels: int
    duration_ms: float
    start_at: datetime


class Playback(BaseModel):
    """All that a player needs: the sound, the turns, and what is said when."""

    session_id: str
    recording: RecordingItem | None
    turns: list[TranscriptTurn]
    captions: list[Caption]
