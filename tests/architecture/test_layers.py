"""Which package may import which: the contracts of `[tool.importlinter]` in pyproject.toml."""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_import_breaks_a_layer() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    assert command.exists(), "import-linter is not installed: `make setup-dev` installs it"
    checked = subprocess.run([command, "--no-logo"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert checked.returncode == 0, checked.stdout


def test_every_package_of_infra_has_its_layer() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["id"] == "layers")
    placed = {name.strip() for layer in layers for name in layer.replace(":", "|").split("|")}
    parts = {f"infra.{path.stem}" for path in (ROOT / "infra").iterdir() if (path / "__init__.py").exists()}
    modules = {f"infra.{path.stem}" for path in (ROOT / "infra").glob("*.py") if path.stem != "__init__"}
    assert (parts | modules) - placed == set()
