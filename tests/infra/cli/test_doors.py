import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from infra.caller import Sound, write_wav
from infra.cli.app import app
from infra.cli.doors import rooms_of
from infra.cli.system import changed_settings, folder_of_its_own
from infra.livekit.key import livekit_folder, livekit_key
from infra.runtime import Runtime
from infra.settings import settings
from infra.system.start_failed import StartFailed


@pytest.fixture
def wav(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A recording, and a data directory on which nothing runs."""
    monkeypatch.setenv("DAREDEVIL_DATA_DIR", str(tmp_path / "data"))
    settings.cache_clear()
    write_wav(tmp_path / "a.wav", Sound(np.full(1600, 5000, np.int16), 16_000))
    return str(tmp_path / "a.wav")


def cli(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--door", "livekit", "--session", "s-1"], "name that with --room"),
        (["--room", "r"], "is for --door livekit"),
        (["--door", "phone"], "phone"),
    ],
)
def test_options_of_another_door_are_refused(wav: str, arguments: list[str], why: str) -> None:
    code, errors = cli("say", wav, *arguments)
    assert code == 2
    assert why in errors


def test_a_server_elsewhere_wants_a_token_or_a_key_to_make_one(wav: str) -> None:
    code, errors = cli("say", wav, "--door", "livekit", "--url", "ws://127.0.0.1:9")
    assert code == 1
    assert "DAREDEVIL_LIVEKIT_API_KEY" in errors


def test_benchmarks_say_what_they_cannot_use(wav: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = str(tmp_path / "none.wav")
    assert "cannot be read" in cli("bench", "rooms", "--say", missing)[1]
    assert "cannot be read" in cli("bench", "barge-in", "--ask", wav, "--over", missing)[1]
    assert cli("bench", "rooms", "--say", wav, "--rooms", "0")[0] == 2
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    code, errors = cli("bench", "network", "--calls", str(tmp_path))
    assert code == 1
    assert "need root" in errors


def test_a_running_system_without_the_livekit_door_is_told_from_one_with_it(wav: str) -> None:
    with pytest.raises(StartFailed, match="daredevil run --livekit"):
        rooms_of(Runtime(1, "nats://", "", "http://"))
    found = rooms_of(Runtime(1, "nats://", "", "http://", "ws://127.0.0.1:7"))
    key = livekit_key(livekit_folder(settings().data_dir))
    assert (found.livekit_url, found.livekit_api_key) == ("ws://127.0.0.1:7", key.key)


def test_settings_are_changed_for_a_block_only(wav: str) -> None:
    before = settings().data_dir
    with folder_of_its_own() as own, changed_settings({**own, "greeting": "Hi!"}):
        assert settings().greeting == "Hi!"
        assert settings().data_dir.parent == before.absolute()
        folder = settings().data_dir
        assert folder.is_dir()
    assert (settings().greeting, settings().data_dir) == ("", before)
    assert not folder.exists()
