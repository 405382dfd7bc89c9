from pathlib import Path

import pytest

from contracts.tables import TurnColumn
from projections.postgres import schema
from projections.postgres.fold import ConversationRow
from projections.postgres.schema import HEAD, connect, prepare, version_of
from tests.projections.postgres.tables import Tables


def test_the_newest_migration_is_the_one_that_is_looked_for() -> None:
    # Each process that runs tests would import them with this module, though one needs them.
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


@pytest.mark.engines
async def test_the_tables_are_made_once_and_in_any_schema(database: str, tables: Tables) -> None:
    for name in ("agents", "agents", "agents_rebuild"):
        async with await connect(database, name) as conn:
            await prepare(conn, database, name)
            assert await version_of(conn, name) == HEAD
    rows = await tables.rows("SELECT table_schema, count(*) AS n FROM information_schema.tables GROUP BY 1")
    made = {row["table_schema"]: row["n"] for row in rows}
    assert made["agents"] == made["agents_rebuild"] == 8


@pytest.mark.engines
async def test_tables_of_a_newer_program_are_left_alone_with_what_to_do(database: str, tables: Tables) -> None:
    async with await connect(database) as conn:
        await prepare(conn, database)
        await tables.run("UPDATE agents.alembic_version SET version_num = '9999'")
        with pytest.raises(schema.UnusableDatabase, match="install the newer program"):
            await prepare(conn, database)


def test_the_columns_that_others_read_are_those_of_the_rows() -> None:
    assert {str(column) for column in TurnColumn} <= set(ConversationRow._fields)
