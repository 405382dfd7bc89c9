"""The recipes of `docs/extending.md`, followed as they are written."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text()


def blocks_of(recipe: str) -> list[str]:
    """Return the code blocks of a recipe, without the indentation of the list they stand in."""
    section = PAGE[PAGE.index(f"## {recipe}\n") :].split("\n## ")[0]
    found = re.findall(r"^( *)```\w+\n(.*?)^ *```$", section, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", code, flags=re.MULTILINE) for indent, code in found]


def insert(path: Path, anchor: str, code: str, indent: str = "    ") -> None:
    """Insert code after the line that begins with `anchor`."""
    text = path.read_text()
    at = text.index("\n", text.index(f"\n{anchor}") + 1) + 1
    path.write_text(text[:at] + "".join(f"{indent}{line}\n" for line in code.splitlines()) + text[at:])


def test_an_event_that_is_added_by_its_recipe_is_a_part_of_the_contracts(tmp_path: Path) -> None:
    event, row, words, _ = blocks_of("An event")
    for name in ("contracts", "docs", "infra", "tests"):
        ignored = shutil.ignore_patterns("node_modules", "__pycache__", "data", "e2e")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copy(ROOT / "asyncapi.yaml", tmp_path)
    with (tmp_path / "contracts" / "events.py").open("a") as events:
        events.write(f"\n\n{event}")
    insert(tmp_path / "contracts" / "topology" / "facts.py", "EVENTS: ", row)
    insert(tmp_path / "contracts" / "personal_data.py", "WORDS: ", words)

    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    for module in ("tests.contracts.golden", "contracts.asyncapi.document"):
        subprocess.run([sys.executable, "-m", module], cwd=tmp_path, env=environment, check=True, timeout=60)
    assert "voice.{session}.note.taken" in (tmp_path / "asyncapi.yaml").read_text()

    tests = ["test_golden.py", "test_topology.py", "test_personal_data.py"]
    paths = [f"tests/contracts/{name}" for name in tests]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir=.", *paths]
    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stdout
    assert "NoteTaken" in (tmp_path / "tests" / "contracts" / "golden" / "v2.json").read_text()
