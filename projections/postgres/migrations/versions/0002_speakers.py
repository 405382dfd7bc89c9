"""Whose turn it was, where several people are in a session."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; rows of facts that do not say it have none."""
    op.execute("ALTER TABLE conversations ADD COLUMN participant_id text, ADD COLUMN speaker text")


def downgrade() -> None:
    """Not offered: drop the schema and rebuild it from the log instead."""
    raise NotImplementedError("drop the schema, then let the projection make it again from the log")
