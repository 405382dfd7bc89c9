import pytest

from infra.settings import Settings, settings
from projections.postgres.row import POSTGRES
from tests.projections.contract import ProjectionContract
from tests.projections.postgres.tables import TABLES, Tables
from tests.servers import NatsServer

pytestmark = pytest.mark.engines


@pytest.fixture
def copy(nats_server: NatsServer, database: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DAREDEVIL_POSTGRES_URL", database)
    settings.cache_clear()
    return settings()


class TestPostgres(ProjectionContract):
    row = POSTGRES
    facts_while_killed = 3000

    async def contents(self, settings: Settings) -> list[tuple[object, ...]]:
        async with Tables.of(settings.postgres_url) as tables:
            return [(table, str(sorted(row.items()))) for table in TABLES for row in await tables.all(table)]

    async def damage(self, settings: Settings) -> None:
        async with Tables.of(settings.postgres_url) as tables:
            await tables.run("UPDATE agents.conversations SET heard_text = 'no' WHERE sequence < 40")
            await tables.run("DELETE FROM agents.events WHERE sequence BETWEEN 10 AND 12")
