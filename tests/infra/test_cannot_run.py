import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.cannot_run import CannotRun, ends_process
from infra.cli.app import app
from infra.settings import BadSettings, settings


def test_an_entry_point_ends_with_one_line_and_the_code_of_the_error(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SystemExit) as ended, ends_process():
        raise BadSettings("DAREDEVIL_PORT: is no number")
    assert ended.value.code == 2
    assert caplog.messages == ["DAREDEVIL_PORT: is no number"]


def test_errors_that_people_can_put_right_are_ordinary_exceptions() -> None:
    with pytest.raises(CannotRun) as caught:
        raise BadSettings("why")
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("command", [["settings"], ["doctor"], ["projections", "verify"]])
def test_a_command_with_bad_settings_says_so_and_ends_with_2(
    monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("DAREDEVIL_PORT", "lots")
    settings.cache_clear()
    result = CliRunner().invoke(app, command)
    settings.cache_clear()
    assert result.exit_code == 2
    assert result.stderr.startswith("error: DAREDEVIL_PORT=")


def test_an_app_of_ones_own_with_bad_settings_ends_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAREDEVIL_PORT", "-1")
    done = subprocess.run(
        (sys.executable, "-m", "faststream", "run", "--app-dir", "docs/examples", "moderation:app"),
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.strip() == "DAREDEVIL_PORT=-1: must be a whole number, at least 0 and at most 65535"
