"""NATS that answers and does not do what a command asks: one line that says why and what to do, no traceback."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.cli.app import app
from infra.settings import settings
from tests.servers import running_nats

NO_JETSTREAM = "accounts { A { users: [{user: sam, password: secret}] } }\n"
MAY_LITTLE = (
    "accounts { A { jetstream: enabled, users: [{user: sam, password: secret, permissions: "
    '{publish: ["$JS.API.INFO"], subscribe: ["_INBOX.>"]}}] } }\n'
)
FEW_STREAMS = "accounts { A { jetstream: {max_streams: 2}, users: [{user: sam, password: secret}] } }\n"
LITTLE_MEMORY = "accounts { A { jetstream: {max_mem: 1M}, users: [{user: sam, password: secret}] } }\n"
OTHER_PASSWORD = "authorization { user: sam, password: another }\n"


@pytest.mark.parametrize(
    ("server", "command", "said"),
    [
        (NO_JETSTREAM, "sessions", "cannot be used: it has no JetStream"),
        (NO_JETSTREAM, "provision", "cannot be used: it has no JetStream"),
        (MAY_LITTLE, "sessions", "cannot be used: this user may not do that (permissions violation for publish to"),
        (MAY_LITTLE, "provision --dry-run", "commands connect as `operator`: run them where"),
        (FEW_STREAMS, "provision", "cannot be created or changed: maximum number of streams reached. Raise that limit"),
        (LITTLE_MEMORY, "provision", "stream AUDIO cannot be created or changed: insufficient memory"),
        (OTHER_PASSWORD, "sessions", "cannot be used: it refuses the user in DAREDEVIL_NATS_URL"),
        (OTHER_PASSWORD, "restore {backup}", "cannot be used: it refuses the user in DAREDEVIL_NATS_URL"),
    ],
)
async def test_a_command_says_what_nats_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str, command: str, said: str
) -> None:
    backup = tmp_path / "backup"
    backup.mkdir()
    (backup / "manifest.json").write_text('{"id": "of a test", "runs": 1, "is_complete": true}')
    async with running_nats(tmp_path / "nats", more=server) as nats_server:
        monkeypatch.setenv("DAREDEVIL_NATS_URL", nats_server.url.replace("//", "//sam:secret@"))
        settings.cache_clear()
        result = await asyncio.to_thread(CliRunner().invoke, app, command.format(backup=backup).split())
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code == 1
    assert said in result.stderr
    assert "start it, or unset" not in result.stderr


async def test_health_of_a_system_that_it_may_not_ask_is_no_alarm_about_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_nats(tmp_path / "nats", more=MAY_LITTLE) as nats_server:
        monkeypatch.setenv("DAREDEVIL_NATS_URL", nats_server.url.replace("//", "//sam:secret@"))
        settings.cache_clear()
        result = await asyncio.to_thread(CliRunner().invoke, app, ["health", "--timeout", "1"])
    assert result.exit_code == 1
    assert "not ready: NATS at" in result.stdout
    assert "commands connect as `operator`: run them where" in result.stdout
    assert "disk" not in result.stdout
