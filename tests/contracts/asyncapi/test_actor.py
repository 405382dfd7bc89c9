"""An actor's part of the interface document, as `faststream docs gen` writes it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.asyncapi.actor import document_of
from contracts.asyncapi.document import document
from contracts.topology import ACTORS
from tests.yaml_text import read_yaml

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("actor", ACTORS)
def test_an_actors_document_is_its_part_of_the_whole(actor: str) -> None:
    whole, part = document(), document_of(actor)
    for kind in ("channels", "operations"):
        assert part[kind]
        assert part[kind].items() <= whole[kind].items()
    for kind, parts in part["components"].items():
        assert parts.items() <= whole["components"][kind].items()
    mine = {key for key, operation in whole["operations"].items() if {"name": actor} in operation["tags"]}
    assert set(part["operations"]) == mine


def test_faststream_writes_it_where_nothing_runs(tmp_path: Path) -> None:
    environment = {**os.environ, "DAREDEVIL_DATA_DIR": str(tmp_path), "DAREDEVIL_NATS_URL": ""}
    target = tmp_path / "reasoning.yaml"
    command = ["docs", "gen", "actors.reasoning:app", "--yaml", "--out", str(target)]
    program = Path(sys.executable).parent / "faststream"
    done = subprocess.run(
        [program, *command], env=environment, capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert read_yaml(target.read_text()) == document_of("reasoning")
