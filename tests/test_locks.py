"""The two lock files: what running needs, and that with the tools of tests and linters, in the same versions."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
TOOLS = {"pytest", "hypothesis", "mypy", "ruff", "playwright", "pre-commit"}


def pins(name: str) -> dict[str, set[str]]:
    """The lines of each package in a lock file, with version and marker."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / name).read_text().splitlines():
        if match := re.match(r"([a-z0-9._-]+)==\S+.*", line):
            found.setdefault(match[1], set()).add(match[0].rstrip(" \\"))
    return found


def versions(lines: set[str]) -> set[str]:
    return {line.partition(" ;")[0].strip() for line in lines}


def test_running_and_testing_have_the_same_versions() -> None:
    running, everything = pins("requirements.lock"), pins("requirements-dev.lock")
    assert len(running) > 100
    assert {name: versions(lines) for name, lines in running.items()} == {
        name: versions(everything.get(name, set())) for name in running
    }


def test_who_only_runs_gets_no_tools_of_tests_but_what_installs_the_project() -> None:
    running, everything = set(pins("requirements.lock")), set(pins("requirements-dev.lock"))
    assert not running & TOOLS
    assert everything >= TOOLS
    assert running >= {"uv", "hatchling", "editables", "faststream", "nats-py"}


def test_every_dependency_of_the_project_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[\[<>=~ ;]", each)[0].lower() for each in project["dependencies"]}
    assert names <= set(pins("requirements.lock"))


def test_what_lists_the_parts_of_the_images_is_locked_too() -> None:
    [named] = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["sbom"]
    assert re.split(r"[<>=]", named)[0] in pins("infra/deploy/image/sbom.lock")


def test_what_images_leave_out_is_in_the_lock_so_that_no_name_is_misspelt() -> None:
    for name in ("never.txt", "without-models.txt"):
        lines = (ROOT / "infra" / "deploy" / "image" / name).read_text().splitlines()
        left_out = [line for line in lines if not line.startswith("#")]
        assert set(left_out) <= set(pins("requirements.lock")), name
        assert left_out == sorted(left_out)
