"""What a runbook tells somebody to type exists: commands and options, addresses, settings, panels, other pages."""

import re
from typing import Any

import pytest
import typer

from infra.cli.json_output import OUTPUTS
from infra.settings import Settings
from tests.infra.deploy.monitoring import ROOT, RUNBOOKS, dashboards

PAGES = sorted(RUNBOOKS.glob("*.md"))
SHOWN = re.compile(r"`([^`\n]+)`|^ {4,}(\S.*)$", re.MULTILINE)


def shown(text: str) -> list[str]:
    """Return what is set as code, in a line or by itself."""
    return [inline or block for inline, block in SHOWN.findall(text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_runbook_says_what_callers_notice_what_to_look_at_and_what_to_do(page: object) -> None:
    text = (RUNBOOKS / str(page)).read_text()
    assert "allers" in text or "what callers notice" in text
    assert text.index("## Look") < text.index("## Do")
    assert len(text.splitlines()) < 50


def _command_problem(line: str) -> str:
    """Return why `daredevil …` would not be understood, empty if it would."""
    from infra.cli.app import app

    words = line.partition("|")[0].split()[1:]
    command: Any = typer.main.get_command(app)
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        if words[0] not in command.commands:
            return f"{line}: there is no {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    known = {option for parameter in command.params for option in parameter.opts}
    unknown = [word for word in words if word.startswith("-") and word not in known]
    return f"{line}: there is no option {', '.join(unknown)}" if unknown else ""


def test_a_command_that_does_not_exist_is_noticed() -> None:
    assert _command_problem("daredevil dead retry --all") == ""
    assert _command_problem("daredevil death") == "daredevil death: there is no death"
    assert (
        _command_problem("daredevil events SESSION --jsno")
        == "daredevil events SESSION --jsno: there is no option --jsno"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_in_a_runbook_exist(page: object) -> None:
    lines = shown((RUNBOOKS / str(page)).read_text())
    problems = [_command_problem(line) for line in lines if line.startswith("daredevil ")]
    assert [problem for problem in problems if problem] == []
    for line in lines:
        if app := re.match(r"faststream run ([\w.]+):app", line):
            assert (ROOT / app[1].replace(".", "/") / "__init__.py").exists(), line
        if address := re.search(r"localhost:8030(/\w+)", line):
            assert address[1] in ("/readyz", "/healthz", "/metrics"), line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_fields_that_a_runbook_selects_are_printed(page: object) -> None:
    for line in shown((RUNBOOKS / str(page)).read_text()):
        if selecting := re.match(r"daredevil (\w+) .*\| jq '(.+)'", line):
            fields = set(re.findall(r"(?<![\w)])\.(\w+)", selecting[2]))
            assert fields
            assert fields <= set(OUTPUTS[selecting[1]].schema()["properties"]), line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_settings_pages_and_panels_that_a_runbook_names_exist(page: object) -> None:
    path = RUNBOOKS / str(page)
    text = path.read_text()
    known = {f"DAREDEVIL_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"DAREDEVIL_[A-Z_]+", text)) <= known
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (path.parent / target).exists(), target
    titles = {panel["title"].partition(",")[0] for board in dashboards().values() for panel in board["panels"]}
    titles |= {board["title"] for board in dashboards().values()}
    assert set(re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", text)) <= titles
