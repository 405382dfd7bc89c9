"""The tables of the Postgres projection by name, for all SQL: queries need no import of the projection.

Their columns are those of the row classes in `projections/postgres/fold.py`; a test compares.
"""

from enum import StrEnum

SCHEMA = "agents"

EVENTS, SESSIONS = "events", "sessions"
CONVERSATIONS, SUMMARIES, RECORDINGS = "conversations", "summaries", "recordings"
EMBEDDING_SPACE, CHECKPOINTS = "embedding_space", "checkpoints"

TABLES = (EVENTS, SESSIONS, CONVERSATIONS, SUMMARIES, RECORDINGS, EMBEDDING_SPACE, CHECKPOINTS)
WITH_WORDS = (CONVERSATIONS, SUMMARIES, RECORDINGS)
"""Tables in which an erasure leaves no row of a session."""

ALL_CONVERSATIONS = f"{SCHEMA}.{CONVERSATIONS}"
"""The table of turns with its schema, for connections whose search path is not ours."""


class TurnColumn(StrEnum):
    """The columns of `conversations`, one row a turn, that others than the projection read."""

    SEQUENCE = "sequence"
    REPLY_ID = "reply_id"
    SESSION_ID = "session_id"
    USER_ID = "user_id"
    TURN_ENDED_AT = "turn_ended_at"
    RECORDED_AT = "recorded_at"
    USER_TEXT = "user_text"
    WRITTEN_TEXT = "written_text"
    HEARD_TEXT = "heard_text"
    INTERRUPTED = "interrupted"
    EMBEDDING = "embedding"
    EMBEDDING_MODEL = "embedding_model"
