"""The history of the tables, for alembic; `projections.postgres.schema` runs it."""
