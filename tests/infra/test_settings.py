"""Settings: from the environment or `.env`, checked when they are read."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from infra.settings import BadSettings, Settings, misspelt, settings


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


@pytest.mark.parametrize("name", ["livekit_url", "livekit_public_url"])
@pytest.mark.parametrize(
    "url",
    ["rooms.example.org", "tcp://rooms.example.org", "wss://", "wss:rooms", "ws://:7880", "ws://h:port", "ws://[h"],
)
def test_what_is_no_url_of_a_livekit_server_is_refused_and_it_is_said_what_to_write(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    monkeypatch.setenv(f"DAREDEVIL_{name.upper()}", url)
    settings.cache_clear()
    with pytest.raises(BadSettings) as refused:
        settings()
    assert str(refused.value).startswith(
        f"DAREDEVIL_{name.upper()}: is not the URL of a LiveKit server: write `wss://host`"
    )


@pytest.mark.parametrize(
    "url", ["", "wss://rooms.example.org", "ws://127.0.0.1:7880", "https://x.livekit.cloud/", "ws://[::1]:7880"]
)
def test_urls_of_livekit_servers_are_taken_as_they_are(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DAREDEVIL_LIVEKIT_URL", url)
    assert Settings().livekit_url == url


def test_every_bad_setting_is_named_on_a_line_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAREDEVIL_PORT", "70000")
    monkeypatch.setenv("DAREDEVIL_LIVEKIT_URL", "secret@rooms")
    settings.cache_clear()
    with pytest.raises(BadSettings) as refused:
        settings()
    lines = str(refused.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["DAREDEVIL_PORT", "DAREDEVIL_LIVEKIT_URL"]
    assert not any("secret" in line or "70000" in line for line in lines)
    monkeypatch.setenv("DAREDEVIL_PORT", "8030")
    monkeypatch.setenv("DAREDEVIL_LLM_OPTIONS", "{")
    with pytest.raises(BadSettings, match=r"^DAREDEVIL_LLM_OPTIONS: is not a JSON object.*at character 2$"):
        settings()


def test_settings_that_contradict_each_other_are_refused_with_both_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAREDEVIL_MIN_ENDPOINTING_DELAY_MS", "2000")
    settings.cache_clear()
    with pytest.raises(BadSettings) as refused:
        settings()
    assert str(refused.value) == (
        "DAREDEVIL_MIN_ENDPOINTING_DELAY_MS (2000) is above DAREDEVIL_MAX_ENDPOINTING_DELAY_MS (900)"
    )
    monkeypatch.setenv("DAREDEVIL_MAX_ENDPOINTING_DELAY_MS", "2000")
    assert settings().min_endpointing_delay_ms == 2000
    settings.cache_clear()
    with pytest.raises(ValidationError, match="DAREDEVIL_PULSAR_TLS_CERT_FILE"):
        Settings(pulsar_tls_key_file="key.pem")


@pytest.mark.parametrize("name", ["auth_issuer", "auth_audience"])
def test_what_tokens_must_have_is_refused_where_no_token_is_asked_for(name: str) -> None:
    with pytest.raises(ValidationError, match=f"DAREDEVIL_{name.upper()} protects nothing without DAREDEVIL_AUTH"):
        Settings.model_validate({name: "https://login.example.org"})


def test_a_secret_that_can_be_guessed_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAREDEVIL_AUTH", "short")
    settings.cache_clear()
    with pytest.raises(BadSettings, match=r"^DAREDEVIL_AUTH: is a secret of under 32 bytes") as refused:
        settings()
    assert "short" not in str(refused.value)
    monkeypatch.setenv("DAREDEVIL_AUTH", "ü" * 16)
    assert settings().auth == "ü" * 16
    settings.cache_clear()


@pytest.mark.parametrize(
    ("given", "meant"),
    [("AUHT", "AUTH"), ("AUTH_SECRET", "AUTH"), ("ADMINKEY", "ADMIN_KEY"), ("CORS_ORIGIN", "CORS_ORIGINS")],
)
def test_a_misspelt_setting_that_was_to_protect_something_is_refused(
    monkeypatch: pytest.MonkeyPatch, given: str, meant: str
) -> None:
    monkeypatch.setenv(f"DAREDEVIL_{given}", "x")
    settings.cache_clear()
    with pytest.raises(BadSettings, match=rf"^DAREDEVIL_{given}: no such setting; .* write DAREDEVIL_{meant}$"):
        settings()


def test_another_misspelt_setting_is_no_reason_not_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAREDEVIL_GREETNIG", "Hi.")
    settings.cache_clear()
    assert settings().greeting == ""
    settings.cache_clear()


def test_settings_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    settings.cache_clear()
    first = settings()
    monkeypatch.setenv("DAREDEVIL_PORT", "9003")
    assert settings() is first
    settings.cache_clear()
    assert settings().port == 9003
    settings.cache_clear()


def test_a_misspelt_setting_is_told_with_the_one_that_was_meant(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DAREDEVIL_STTT=local\nDAREDEVIL_VOICE=x\nOTHER=1\n")
    environment = {
        "DAREDEVIL_PROT": "1",
        "DAREDEVIL_PROMTP": "x",
        "DAREDEVIL_PROMPT": "y",
        "DAREDEVIL_XYZZY": "1",
        "PATH": "/",
    }
    assert misspelt(environment, tmp_path / ".env") == [
        "DAREDEVIL_PROMTP: no such setting; did you mean DAREDEVIL_PROMPT?",
        "DAREDEVIL_PROT: no such setting; did you mean DAREDEVIL_PORT?",
        "DAREDEVIL_STTT: no such setting; did you mean DAREDEVIL_STT?",
        "DAREDEVIL_XYZZY: no such setting; `daredevil settings` lists them all",
    ]
    assert misspelt({"DAREDEVIL_PORT_FILE": "x", "daredevil_voice": "y"}, tmp_path / "none") == []
