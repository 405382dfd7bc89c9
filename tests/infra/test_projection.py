"""The rows of projections: found by name, told apart from what is none, and cheap to read."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from nats.aio.client import Client

import infra
from infra.projection import Projection, UnknownProjection, enabled, projections
from infra.settings import Settings


async def agrees(_settings: Settings, _nc: Client) -> list[str]:
    return []


ANOTHER = Projection("another", "nowhere:app", agrees)
DOUBLE = Projection("postgres", "nowhere:app", agrees)
NUMBER = 7


def test_a_setting_adds_projections_to_our_own() -> None:
    settings = Settings(projections=f" {__name__}:ANOTHER ,", postgres_url="off", pulsar_url="")
    assert [row.name for row in projections(settings)] == ["postgres", "pulsar", "another"]
    assert [row.process for row in enabled(settings)] == ["projection-another"]


@pytest.mark.parametrize(
    ("named", "problem"),
    [
        ("nonsense", "not of the form `module:ROW`"),
        ("no.such.module:ROW", "No module named 'no'; install the package that contains no.such.module, or add"),
        (f"{__name__}:NOTHING", "has no NOTHING"),
        (f"{__name__}:NUMBER", "which is not an infra.projection.Projection"),
        (f"{__name__}:DOUBLE", "two projections are called postgres"),
    ],
)
def test_what_is_no_projection_is_reported_with_what_to_do(named: str, problem: str) -> None:
    with pytest.raises(UnknownProjection, match=problem):
        projections(Settings(projections=named))


def test_rows_are_read_without_importing_a_driver() -> None:
    code = (
        "import sys; from infra.projection import projections; from infra.settings import Settings\n"
        "rows = projections(Settings()); assert len(rows) > 1\n"
        "print([name for name in ('psycopg', 'pulsar', 'alembic', 'faststream') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_nothing_in_infra_knows_a_projection_by_name_but_the_benchmarks() -> None:
    folder = Path(infra.__file__).parent
    known = [
        str(path.relative_to(folder))
        for path in folder.rglob("*.py")
        if re.search(r"(import|from|[\"']) ?projections\.(postgres|pulsar)", path.read_text())
    ]
    assert {name.partition("/")[0] for name in known} <= {"bench"}, known
