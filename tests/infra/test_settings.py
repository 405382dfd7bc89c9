"""Settings: from the environment or `.env`, checked when they are read."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from infra.settings import Settings, settings


@pytest.fixture(autouse=True)
def no_other_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"DAREDEVIL_{name.upper()}", raising=False)


def test_without_any_setting_everything_is_local_and_needs_no_key() -> None:
    defaults = Settings()
    assert (defaults.llm, defaults.stt, defaults.tts, defaults.nats_url) == ("local", "local", "local", "")
    assert defaults.host == "127.0.0.1"


def test_the_environment_and_the_file_are_read_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("DAREDEVIL_PORT=9001\nDAREDEVIL_VOICE=amy\nOTHER=1\n")
    monkeypatch.setenv("DAREDEVIL_PORT", "9002")
    monkeypatch.setenv("DAREDEVIL_LLM_OPTIONS", '{"temperature": 0.1}')
    read = Settings()
    assert (read.port, read.voice, read.llm_options) == (9002, "amy", {"temperature": 0.1})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "70000"),
        ("port", "http"),
        ("agent_sample_rate_hz", "4000"),
        ("vad_threshold", "1.5"),
        ("log_level", "LOUD"),
        ("llm_options", "{"),
        ("max_sessions", "0"),
    ],
)
def test_an_absurd_value_is_refused_with_its_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"DAREDEVIL_{name.upper()}", value)
    with pytest.raises((ValidationError, ValueError), match=name):
        Settings()


def test_settings_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    settings.cache_clear()
    first = settings()
    monkeypatch.setenv("DAREDEVIL_PORT", "9003")
    assert settings() is first
    settings.cache_clear()
    assert settings().port == 9003
    settings.cache_clear()
