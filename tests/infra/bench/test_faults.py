"""`daredevil bench kills` and `bench outage`, on few facts: the whole of it takes minutes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.cli.app import app
from infra.settings import settings
from infra.system.pulsar import PulsarMissing, check_installed

pytestmark = pytest.mark.e2e


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAREDEVIL_DATA_DIR", str(tmp_path))
    settings.cache_clear()


def test_a_projection_is_killed_and_compared_with_the_log() -> None:
    result = CliRunner().invoke(
        app, ["bench", "kills", "--projection", "postgres", "--facts", "600", "--kills", "2", "--json"]
    )
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["projection"], found["facts"], found["kills"]) == ("projection-postgres", 600, 2)
    assert found["differences"] == []


@pytest.mark.nightly  # of the bench; of the projection: tests/projections/pulsar/test_faults.py
def test_a_server_goes_and_comes_back_and_its_projection_is_compared_with_the_log() -> None:
    try:
        check_installed()
    except PulsarMissing as problem:
        pytest.skip(str(problem))
    result = CliRunner().invoke(app, ["bench", "outage", "--projection", "pulsar", "--down", "6", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["state"], found["differences"]) == ("waiting", [])
    assert "Pulsar" in found["reason"]
    assert found["facts_while_down"] >= 200
