"""The tables of issue 4. Names without a schema: the search path says which one is made.

Text has no foreign keys to `sessions`: facts arrive in the log's order, whatever that is.
"""

from alembic import op

from contracts.topology import (
    VOICE,
)

revision = "0001"
down_revision = None

STATEMENTS = (
    """
    CREATE TABLE checkpoints (
        projection text PRIMARY KEY,
        stream text NOT NULL,
        sequence bigint NOT NULL,
        updated_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    f"INSERT INTO checkpoints (projection, stream, sequence) VALUES ('postgres', '{VOICE}', 0)",
    """
    CREATE TABLE events (
        sequence bigint PRIMARY KEY,
        session_id text NOT NULL,
        event text NOT NULL,
        event_id text,
        time_at timestamptz,
        turn_id text,
        cause_id text,
        schema_version int,
        data jsonb,
        raw bytea
    )
    """,
    "CREATE INDEX events_session ON events (session_id, sequence)",
    "CREATE INDEX events_time ON events (time_at)",
    """
    CREATE TABLE sessions (
        session_id text PRIMARY KEY,
        user_id text,
        door text,
        opened_at timestamptz,
        closed_at timestamptz,
        close_reason text,
        profile jsonb,
        erased_at timestamptz,
        sequence bigint
    )
    """,
    "CREATE INDEX sessions_user ON sessions (user_id, opened_at)",
    "CREATE INDEX sessions_time ON sessions (opened_at)",
    """
    CREATE TABLE conversations (
        reply_id text PRIMARY KEY,
        session_id text NOT NULL,
        turn_id text,
        user_id text,
        turn_ended_at timestamptz,
        recorded_at timestamptz NOT NULL,
        user_text text NOT NULL,
        written_text text NOT NULL,
        heard_text text NOT NULL,
        interrupted bool NOT NULL,
        gap_ms double precision,
        endpointing_ms double precision,
        stt_ms double precision,
        first_token_ms double precision,
        first_audio_ms double precision,
        bus_ms double precision,
        playback_ms double precision,
        embedding vector,
        embedding_model text,
        sequence bigint NOT NULL UNIQUE
    )
    """,
    "CREATE INDEX conversations_session ON conversations (session_id, sequence)",
    "CREATE INDEX conversations_user ON conversations (user_id, recorded_at)",
    "CREATE INDEX conversations_time ON conversations (recorded_at)",
    """
    CREATE TABLE embedding_space (
        one int PRIMARY KEY DEFAULT 1 CHECK (one = 1),
        dimensions int NOT NULL,
        model text NOT NULL,
        since_sequence bigint NOT NULL
    )
    """,
    """
    CREATE TABLE summaries (
        sequence bigint PRIMARY KEY,
        session_id text NOT NULL,
        kind text NOT NULL CHECK (kind IN ('rolling', 'final')),
        summary text NOT NULL,
        topics text[] NOT NULL,
        sentiment text,
        action_items text[] NOT NULL,
        turns bigint NOT NULL,
        model text NOT NULL,
        written_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX summaries_session ON summaries (session_id, sequence)",
    """
    CREATE TABLE recordings (
        recording_id text PRIMARY KEY,
        session_id text NOT NULL,
        codec text NOT NULL,
        sample_rate_hz bigint NOT NULL,
        channels bigint NOT NULL,
        duration_ms double precision NOT NULL,
        start_at timestamptz,
        data bytea,
        sequence bigint NOT NULL UNIQUE
    )
    """,
    "CREATE INDEX recordings_session ON recordings (session_id)",
    # Opus does not get smaller: not trying saves the time.
    "ALTER TABLE recordings ALTER COLUMN data SET STORAGE EXTERNAL",
)


def upgrade() -> None:
    """Make the tables."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Not offered: drop the schema and rebuild it from the log instead."""
    raise NotImplementedError("drop the schema, then let the projection make it again from the log")
