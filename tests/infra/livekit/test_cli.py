"""`daredevil token` as users see it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from livekit.api import TokenVerifier
from typer.testing import CliRunner

from infra.cli.app import app
from infra.settings import settings

SECRET = "a-secret-for-tests-of-40-characters-0003"


@pytest.fixture(autouse=True)
def a_server_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DAREDEVIL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DAREDEVIL_LIVEKIT_URL", "wss://rooms.example.org")
    monkeypatch.setenv("DAREDEVIL_LIVEKIT_API_KEY", "key")
    monkeypatch.setenv("DAREDEVIL_LIVEKIT_API_SECRET", SECRET)
    settings.cache_clear()
    yield
    settings.cache_clear()


def cli(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["token", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_token_alone_goes_to_standard_output() -> None:
    code, output, said = cli("--room", "kitchen", "--identity", "sam", "--ttl", "10m", "--name", "Sam")
    assert code == 0
    claims = TokenVerifier("key", SECRET).verify(output.strip())
    assert (claims.identity, claims.name) == ("sam", "Sam")
    assert "room kitchen of wss://rooms.example.org as sam (caller) within 10m" in said
    assert SECRET not in output + said


def test_json_has_all_that_a_client_needs() -> None:
    code, output, _ = cli("--room", "kitchen", "--identity", "eve", "--grant", "listener", "--json")
    given = json.loads(output)
    assert code == 0
    assert (given["url"], given["room"], given["expires_in_s"]) == ("wss://rooms.example.org", "kitchen", 3600)
    video = TokenVerifier("key", SECRET).verify(given["token"]).video
    assert video is not None
    assert video.can_publish is False


def agents_of(token: str) -> list[str]:
    config = TokenVerifier("key", SECRET).verify(token.strip()).room_config
    return [dispatch.agent_name for dispatch in config.agents] if config is not None else []


def test_it_brings_the_agent_that_is_named_here_or_in_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    who = ("--room", "kitchen", "--identity", "sam")
    assert agents_of(cli(*who)[1]) == []
    assert agents_of(cli(*who, "--agent", "night-shift")[1]) == ["night-shift"]
    monkeypatch.setenv("DAREDEVIL_LIVEKIT_AGENT_NAME", "day-shift")
    settings.cache_clear()
    assert agents_of(cli(*who)[1]) == ["day-shift"]
    assert agents_of(cli(*who, "--agent", "night-shift")[1]) == ["night-shift"]
    assert agents_of(cli(*who, "--agent", "")[1]) == []
    assert agents_of(cli(*who, "--grant", "listener")[1]) == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--room", "a/b", "--identity", "sam"), "a room must be 1 to 128 letters"),
        (("--room", "kitchen", "--identity", "agent-1"), "those belong to the agent"),
        (("--room", "kitchen", "--identity", "sam", "--ttl", "forever"), "a lifetime must be like"),
        (
            ("--room", "kitchen", "--identity", "sam", "--grant", "king"),
            "--grant must be one of caller, listener, moderator",
        ),
        (
            ("--room", "kitchen", "--identity", "eve", "--agent", "a", "--grant", "listener"),
            "a listener brings no agent",
        ),
    ],
)
def test_bad_input_is_reported_in_a_line(arguments: tuple[str, ...], complaint: str) -> None:
    code, output, said = cli(*arguments)
    assert (code, output) == (2, "")
    assert complaint in said
    assert "Traceback" not in said


def test_without_a_server_it_says_how_to_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAREDEVIL_LIVEKIT_URL", "")
    settings.cache_clear()
    code, _, said = cli("--room", "kitchen", "--identity", "sam")
    assert code == 1
    assert "daredevil run --livekit" in said
