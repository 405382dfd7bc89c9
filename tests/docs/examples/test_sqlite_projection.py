"""The recipe for a projection, followed: its row named in the settings, its app run, its contract kept."""

import re
import sqlite3
from pathlib import Path

import pytest

from docs.examples.sqlite_projection import SQLITE
from docs.examples.sqlite_projection.turns import Turns
from infra.projection import projections
from infra.settings import Settings, settings
from infra.system.doctor import examine
from infra.system.parts import keepers
from tests.projections.contract import ProjectionContract
from tests.servers import NatsServer

pytestmark = pytest.mark.slow

PAGE = (Path(__file__).parents[3] / "docs" / "extending.md").read_text()


@pytest.fixture
def copy(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """Settings as the recipe has them, on this test's log and a folder of its own."""
    [named] = re.findall(r"export DAREDEVIL_PROJECTIONS=(\S+)", PAGE)
    monkeypatch.setenv("DAREDEVIL_PROJECTIONS", named)
    monkeypatch.setenv("DAREDEVIL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DAREDEVIL_POSTGRES_URL", "off")
    settings.cache_clear()
    return settings()


class TestSqliteProjection(ProjectionContract):
    row = SQLITE

    async def contents(self, settings: Settings) -> list[tuple[object, ...]]:
        with Turns.of(settings) as turns:
            return sorted(turns.everything()[1].values())

    async def damage(self, settings: Settings) -> None:
        with sqlite3.connect(settings.data_dir / "sqlite" / "turns.db") as connection:
            connection.execute("UPDATE turns SET heard = 'nothing' WHERE sequence IN (SELECT min(sequence) FROM turns)")


async def test_the_system_the_doctor_and_the_command_line_know_it(copy: Settings) -> None:
    assert SQLITE in projections(copy)
    assert ("projection-sqlite", SQLITE.app) in [(part.name, getattr(part, "app", "")) for part in keepers(copy)]
    assert "projection sqlite" in [finding.subject for finding in await examine(copy)]
