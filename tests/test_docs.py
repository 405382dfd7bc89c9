"""The documents say what the code does."""

import json
import re
import wave
from pathlib import Path

import pytest

from contracts.topology import ACTORS
from infra.cli import settings_table
from infra.deploy import chart_settings, metrics_table
from infra.metrics.table import METRICS
from infra.settings import ENV_PREFIX, Settings
from infra.settings_files import named_by_file

ROOT = Path(__file__).parent.parent
PAGES = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    *sorted(page.relative_to(ROOT).as_posix() for page in (ROOT / "docs").rglob("*.md")),
)
CALLS = ROOT / "tests" / "data" / "calls"


def test_the_table_of_metrics_is_complete_and_up_to_date() -> None:
    page = metrics_table.PATH.read_text()
    assert page == metrics_table.with_table(page), "run `make metrics-table`"
    recorded = [metric for metrics in metrics_table.RECORDED_BY.values() for metric in metrics]
    assert sorted(metric.name for metric in recorded) == sorted(metric.name for metric in METRICS)


def test_the_settings_table_is_complete_and_up_to_date() -> None:
    assert settings_table.PATH.read_text() == settings_table.table(), "run `make settings-table`"
    assert chart_settings.PATH.read_text() == chart_settings.text(), "run `make settings-table`"
    for name, field in Settings.model_fields.items():
        assert field.description, f"{name} has no description"
        assert f"| `DAREDEVIL_{name.upper()}` |" in settings_table.table()


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert ((ROOT / page).parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES)
def test_settings_that_a_page_names_exist(page: str) -> None:
    known = {f"DAREDEVIL_{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(r"DAREDEVIL_[A-Z_]+", (ROOT / page).read_text()))
    assert {name for name in named if not named_by_file(ENV_PREFIX, Settings.model_fields, name)} <= known


def test_every_command_is_documented_and_every_make_target_that_a_page_names_exists() -> None:
    pages = "".join((ROOT / page).read_text() for page in ("README.md", "CONTRIBUTING.md", "docs/commands.md"))
    from infra.cli.app import app

    groups = [group.name for group in app.registered_groups]
    commands = [command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands]
    for name in [*groups, *commands]:
        assert re.search(rf"daredevil {name}\b", pages), name
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:`| {4})make ([a-z-]+)\b", pages):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_commands_that_pages_show_exist() -> None:
    from infra.cli.app import app

    groups = {group.name for group in app.registered_groups}
    commands = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    pages = {page: (ROOT / page).read_text() for page in PAGES if page != "CHANGELOG.md"}
    shown = {
        (page, command)
        for page, text in pages.items()
        for command in re.findall(r"(?:^ {4}(?:\$ )?|`)(?:\.venv/bin/)?daredevil ([a-z][a-z-]*)", text, re.MULTILINE)
    }
    assert len(shown) > 50
    assert not {(page, command) for page, command in shown if command not in groups | commands}


def test_the_map_of_the_architecture_page_shows_every_package_and_files_that_exist() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(
        r"^\| (.+?) \| .+? \| (.+?) \|$", page[page.index("## Map") : page.index("## Processes")], re.MULTILINE
    )[2:]
    folders = [re.findall(r"`([\w/.]+)`", row[0]) for row in rows]
    shown = {folder.rstrip("/") for row in folders for folder in row}
    for top in ("bridge", "infra"):
        packages = {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / top).glob("*/__init__.py")}
        assert packages <= shown, packages - shown
    for row, (_, files) in zip(folders, rows, strict=True):
        for file in re.findall(r"`([\w/]+\.\w+)`", files):
            assert any(
                (ROOT / folder / file).exists() or (ROOT / folder).parent.joinpath(file).exists() for folder in row
            ), file


def test_the_architecture_page_knows_every_actor_and_event_it_names() -> None:
    from tests.contracts.samples import BY_NAME

    page = (ROOT / "docs" / "architecture.md").read_text()
    for actor in ACTORS:
        assert actor in page
    named = set(re.findall(r"`([A-Z][a-z]+[A-Z][A-Za-z]+)`", page))
    assert named <= set(BY_NAME), named - set(BY_NAME)


def test_the_calls_of_the_manifest_are_there_and_end_their_speech_where_it_says() -> None:
    calls = json.loads((CALLS / "manifest.json").read_text())
    assert sorted(call["wav"] for call in calls) == sorted(path.name for path in CALLS.glob("*.wav"))
    assert sum(call["pause"] for call in calls) == 10
    assert len(calls) == 22
    for call in calls:
        with wave.open(str(CALLS / call["wav"])) as wav:
            assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (16_000, 1, 2)
            assert 0 < call["end_of_speech_sample"] < wav.getnframes()


def test_the_project_speaks_of_itself_alone() -> None:
    for page in PAGES:
        assert "/work/" not in (ROOT / page).read_text()
