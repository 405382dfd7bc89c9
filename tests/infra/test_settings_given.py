"""Advice names what there is to remove: a variable, a line of `.env`, or what names a file."""

from pathlib import Path

import pytest

from infra.settings import settings
from infra.settings_given import how_to_unset


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    settings.cache_clear()
    return tmp_path


def test_a_variable_of_the_environment_is_unset(monkeypatch: pytest.MonkeyPatch, elsewhere: Path) -> None:
    (elsewhere / ".env").write_text("DAREDEVIL_VOICE=another\n")
    monkeypatch.setenv("DAREDEVIL_VOICE", "one")
    assert how_to_unset("voice") == "unset DAREDEVIL_VOICE"


def test_a_line_of_the_env_file_is_removed(monkeypatch: pytest.MonkeyPatch, elsewhere: Path) -> None:
    monkeypatch.delenv("DAREDEVIL_PARTITIONS", raising=False)
    (elsewhere / ".env").write_text("DAREDEVIL_PARTITIONS=2\n")
    assert settings().partitions == 2
    assert how_to_unset("partitions") == "remove DAREDEVIL_PARTITIONS from .env"


@pytest.mark.parametrize("is_in_env_file", [True, False])
def test_what_names_a_file_is_named_itself(
    monkeypatch: pytest.MonkeyPatch, elsewhere: Path, is_in_env_file: bool
) -> None:
    (elsewhere / "wanted").write_text("3\n")
    monkeypatch.setenv("DAREDEVIL_TURN_HISTORY", "1")  # taken back with the test, as the file's value has to be
    monkeypatch.delenv("DAREDEVIL_TURN_HISTORY")
    if is_in_env_file:
        (elsewhere / ".env").write_text(f"DAREDEVIL_TURN_HISTORY_FILE={elsewhere / 'wanted'}\n")
    else:
        monkeypatch.setenv("DAREDEVIL_TURN_HISTORY_FILE", str(elsewhere / "wanted"))
    settings()
    said = "remove DAREDEVIL_TURN_HISTORY_FILE from .env" if is_in_env_file else "unset DAREDEVIL_TURN_HISTORY_FILE"
    assert how_to_unset("turn_history") == said
