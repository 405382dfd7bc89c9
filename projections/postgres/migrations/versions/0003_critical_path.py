"""The parts of the response gap along its critical path."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns; rows of facts that do not say it have none."""
    op.execute("ALTER TABLE conversations ADD COLUMN vad_ms double precision, ADD COLUMN clause_ms double precision")


def downgrade() -> None:
    """Not offered: drop the schema and rebuild it from the log instead."""
    raise NotImplementedError("drop the schema, then let the projection make it again from the log")
