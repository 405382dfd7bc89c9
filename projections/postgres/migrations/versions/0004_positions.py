"""A position for each partition of the log."""

from alembic import op

revision = "0004"
down_revision = "0003"

STATEMENTS = (
    "ALTER TABLE checkpoints ADD COLUMN sequences bigint[] NOT NULL DEFAULT '{}'",
    "UPDATE checkpoints SET sequences = ARRAY[sequence]",
    "ALTER TABLE embedding_space ADD COLUMN after_sequences bigint[] NOT NULL DEFAULT '{}'",
    "UPDATE embedding_space SET after_sequences = ARRAY[since_sequence - 1]",
    "ALTER TABLE embedding_space DROP COLUMN since_sequence",
)


def upgrade() -> None:
    """Add the columns; what is there is of a log with one partition."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Not offered: drop the schema and rebuild it from the log instead."""
    raise NotImplementedError("drop the schema, then let the projection make it again from the log")
