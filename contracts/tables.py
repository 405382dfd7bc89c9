"""The tables of the Postgres projection by name, for all SQL: queries need no import of the projection.

Their columns are those of the row classes in `projections/postgres/fold.py`.
"""

SCHEMA = "agents"

EVENTS, SESSIONS = "events", "sessions"
CONVERSATIONS, SUMMARIES, RECORDINGS = "conversations", "summaries", "recordings"
EMBEDDING_SPACE, CHECKPOINTS = "embedding_space", "checkpoints"

TABLES = (EVENTS, SESSIONS, CONVERSATIONS, SUMMARIES, RECORDINGS, EMBEDDING_SPACE, CHECKPOINTS)
WITH_WORDS = (CONVERSATIONS, SUMMARIES, RECORDINGS)
"""Tables in which an erasure leaves no row of a session."""

ALL_CONVERSATIONS = f"{SCHEMA}.{CONVERSATIONS}"
"""The table of turns with its schema, for connections whose search path is not ours."""
