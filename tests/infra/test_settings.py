"""Settings: from the environment or `.env`, checked when they are read."""

import os
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


def test_a_name_without_a_value_in_the_file_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DAREDEVIL_PORT\nDAREDEVIL_VOICE=amy\n")
    read = Settings()
    assert (read.port, read.voice) == (Settings.model_fields["port"].default, "amy")


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
        f"DAREDEVIL_{name.upper()}={url}: is not the URL of a LiveKit server: write `wss://host`"
    )


@pytest.mark.parametrize(
    "url", ["", "wss://rooms.example.org", "ws://127.0.0.1:7880", "https://x.livekit.cloud/", "ws://[::1]:7880"]
)
def test_urls_of_livekit_servers_are_taken_as_they_are(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DAREDEVIL_LIVEKIT_URL", url)
    assert Settings().livekit_url == url


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("PORT=-1", "DAREDEVIL_PORT=-1: must be a whole number, at least 0 and at most 65535"),
        ("PORT=http", "DAREDEVIL_PORT=http: must be a whole number, at least 0 and at most 65535"),
        ("VAD_THRESHOLD=2", "DAREDEVIL_VAD_THRESHOLD=2: must be a number, above 0 and below 1"),
        ("LOG_LEVEL=loud", "DAREDEVIL_LOG_LEVEL=loud: must be one of `DEBUG`, `INFO`, `WARNING`, `ERROR`"),
        ("SPECULATE=maybe", "DAREDEVIL_SPECULATE=maybe: must be `true` or `false`"),
        ("LLM_OPTIONS=[1]", 'DAREDEVIL_LLM_OPTIONS: must be a JSON object such as {"temperature": 0.2}'),
        (
            "LLM=nonsense",
            "DAREDEVIL_LLM=nonsense: names no language model: write `local`, `provider:model` or "
            "`package.module:Class`",
        ),
        ("LLM=", "DAREDEVIL_LLM: names no language model: write `local`, `provider:model` or `package.module:Class`"),
        (
            "STT=local, deepgram",
            "DAREDEVIL_STT=local, deepgram: 'deepgram' names no speech to text: write `local`, `plugin.STT` such as "
            "`deepgram.STT`, or `module:Class`",
        ),
        (
            "TTS=cartesia",
            "DAREDEVIL_TTS=cartesia: names no text to speech: write `local`, `plugin.TTS` such as `cartesia.TTS`, or "
            "`module:Class`",
        ),
        (
            "END_OF_TURN=fast",
            "DAREDEVIL_END_OF_TURN=fast: names no end-of-turn model: write `local` or `module:Class`",
        ),
        ("EMBEDDING=no", "DAREDEVIL_EMBEDDING=no: names no embedding: write `local`, `provider:model`, or `off`"),
        (
            "NATS_URL=http://h:4222",
            "DAREDEVIL_NATS_URL=http://h:4222: is not the URL of a NATS server: write `nats://host:4222`, or several "
            "separated by commas; in a password write / as %2F, @ as %40, # as %23, or set DAREDEVIL_NATS_PASSWORD",
        ),
        (
            "POSTGRES_URL=no",
            "DAREDEVIL_POSTGRES_URL=no: is not the URL of a Postgres: write "
            "`postgresql://user:password@host/database`, or `off`",
        ),
        (
            "PULSAR_URL=h:6650",
            "DAREDEVIL_PULSAR_URL=h:6650: is not the URL of a Pulsar broker: write `pulsar://host:6650` or "
            "`pulsar+ssl://host:6651`",
        ),
        (
            "LLM_URL=h:8031",
            "DAREDEVIL_LLM_URL=h:8031: is not a URL: write `https://host/path` or `http://host:port/path`",
        ),
        (
            "CORS_ORIGINS=https://a.example/",
            "DAREDEVIL_CORS_ORIGINS=https://a.example/: must be a list of origins, without a path or a slash at the "
            "end, such as https://app.example.org, or `*`: 'https://a.example/' is none",
        ),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(monkeypatch: pytest.MonkeyPatch, given: str, line: str) -> None:
    name, _, value = given.partition("=")
    monkeypatch.setenv(f"DAREDEVIL_{name}", value)
    settings.cache_clear()
    with pytest.raises(BadSettings) as refused:
        settings()
    assert str(refused.value) == line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NATS_URL", "nats://me:s3cret@a:4222,tls://me:s3cret@b"),
        ("NATS_URL", "a:4222,b"),
        ("POSTGRES_URL", "host=h password=s3cret"),
        ("PULSAR_URL", "pulsar://a:6650,b:6650"),
        ("CORS_ORIGINS", "https://app.example, http://localhost:5173, capacitor://localhost"),
        ("LLM", "ollama:llama3.2:1b,local"),
        ("STT", "my_engines.ears:Ears,deepgram.STT,local"),
        ("EMBEDDING", "openai:text-embedding-3-small"),
        ("EMBEDDING", ""),
    ],
)
def test_what_can_be_used_is_accepted_as_it_is(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"DAREDEVIL_{name}", value)
    assert getattr(Settings(), name.lower()) == value


@pytest.mark.parametrize(
    "given",
    [
        "LIVEKIT_URL=s3cret@rooms",
        "NATS_URL=http://me:s3cret@h",
        "NATS_URL=nats://me:s3,s3cret@h:no",
        "POSTGRES_URL=mysql://me:s3cret@h/db",
        "PULSAR_ADMIN_URL=h?token=s3cret",
        'LLM_OPTIONS={"api_key": "s3cret"',
        'LLM_OPTIONS=["s3cret"]',
        "AUTH=s3cret",
    ],
)
def test_a_wrong_value_that_may_be_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    name, _, value = given.partition("=")
    monkeypatch.setenv("DAREDEVIL_PORT", "70000")
    monkeypatch.setenv(f"DAREDEVIL_{name}", value)
    settings.cache_clear()
    with pytest.raises(BadSettings, match=f"DAREDEVIL_{name}") as refused:
        settings()
    assert "s3" not in str(refused.value)


def test_every_bad_setting_has_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAREDEVIL_PORT", "70000")
    monkeypatch.setenv("DAREDEVIL_LIVEKIT_URL", "rooms")
    settings.cache_clear()
    with pytest.raises(BadSettings) as refused:
        settings()
    lines = str(refused.value).splitlines()
    assert [line.partition("=")[0] for line in lines] == ["DAREDEVIL_PORT", "DAREDEVIL_LIVEKIT_URL"]
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


def test_a_misspelt_setting_is_reported_with_the_one_that_was_meant(tmp_path: Path) -> None:
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


def test_keys_of_providers_in_the_file_are_given_to_their_libraries_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("ONE_API_KEY", "OTHER_API_KEY", "OTHER"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("SET_API_KEY", "environment")
    (tmp_path / ".env").write_text("ONE_API_KEY=1\nSET_API_KEY=file\nOTHER=2\n")
    settings.cache_clear()
    settings()
    settings.cache_clear()
    assert (os.environ["ONE_API_KEY"], os.environ["SET_API_KEY"]) == ("1", "environment")
    assert "OTHER" not in os.environ
