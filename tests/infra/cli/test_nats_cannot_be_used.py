"""NATS that no command can use, for each reason there is: one sentence, soon, and exit code 1 from every command."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import typer

from infra.cli.app import app
from infra.log import nats_reach
from infra.settings import settings
from infra.system.nats import free_port
from tests.infra.cli.command import cli
from tests.infra.log.nats_secrets import certificates
from tests.servers import running_nats

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
CALLS = ROOT / "tests" / "data"

ASK = {
    "run": ["run"],
    "say": [f"say {CALLS / 'hello.wav'}"],
    "chat": ["chat"],
    "tell": ["tell s-1 Hello."],
    "sessions": ["sessions"],
    "events": ["events s-1", "events s-1 --follow"],
    "turns": ["turns s-1"],
    "latency": ["latency", "latency s-1"],
    "replay": [
        *("replay s-1", "replay s-1 --publish", "replay s-1 --rehearse"),
        *("replay s-1 --verify", "replay --all --verify"),
    ],
    "export": ["export s-1 --format md --out {folder}/s-1.md", "export s-1 --format wav --out {folder}/s-1.wav"],
    "summary": ["summary s-1"],
    "projections": ["projections"],
    "projections verify": ["projections verify"],
    "projections rebuild": ["projections rebuild postgres"],
    "dead": ["dead"],
    "dead list": ["dead list"],
    "dead retry": ["dead retry 1"],
    "dead drop": ["dead drop --all"],
    "tools": ["tools"],
    "tools list": ["tools list --session s-1"],
    "tools settle": ["tools settle c-1 --result done"],
    "erase": ["erase --session s-1 --yes", "erase --user sam"],
    "provision": ["provision", "provision --dry-run"],
    "backup": ["backup {folder}/there", "backup {folder}/there --dry-run"],
    "restore": ["restore {folder}/backup"],
    "health": ["health", "health reasoning"],
    "doctor": ["doctor"],
    "tune turns": ["tune turns --since 30d"],
    "bench replay": ["bench replay"],
    "bench turns": ["bench turns --log 30d"],
    "bench gap": [f"bench gap --calls {CALLS / 'calls'}"],
}
"""What asks the NATS of the settings, by the command's name."""

ASK_NOTHING = {"llm", "token", "top", "settings", "schema", "nats-users"}
"""What needs no NATS."""

SYSTEMS_OF_THEIR_OWN = {
    *("bench first-call", "bench drafts", "bench hearing", "bench rooms", "bench growth", "bench network"),
    *("bench kills", "bench outage", "bench slow-nats", "bench log", "bench record", "bench record-corpus"),
    *("bench spoken", "bench metrics", "bench tapes", "bench tools", "bench bus", "bench projections", "bench memory"),
}
"""What is measured on servers that the command starts."""

AS_ANOTHER = {"console", "bench answers", "bench barge-in", "bench greeting", "bench idle"}
"""What finds or starts a system as `chat` and `bench gap` do, once it has a microphone, calls or engines."""


def names(command: Any, before: str = "") -> set[str]:
    """Return the names of all commands below one, as they are typed."""
    found = {before} if before and not getattr(command, "no_args_is_help", False) else set[str]()
    for name, each in getattr(command, "commands", {}).items():
        found |= names(each, f"{before} {name}".strip())
    return found


def test_every_command_is_known_here() -> None:
    assert names(typer.main.get_command(app)) == {*ASK, *ASK_NOTHING, *SYSTEMS_OF_THEIR_OWN, *AS_ANOTHER}


Variables = dict[str, str]


@asynccontextmanager
async def no_file_of_credentials(folder: Path) -> AsyncIterator[Variables]:
    yield {"URL": "nats://127.0.0.1:1", "CREDS_FILE": str(folder / "none.creds")}


@asynccontextmanager
async def credentials_that_cannot_be_read(folder: Path) -> AsyncIterator[Variables]:
    yield {"URL": "nats://127.0.0.1:1", "NKEY_FILE": str(folder)}


@asynccontextmanager
async def credentials_that_are_rubbish(folder: Path) -> AsyncIterator[Variables]:
    (folder / "rubbish.creds").write_bytes(os.urandom(200))
    yield {"URL": "nats://127.0.0.1:1", "CREDS_FILE": str(folder / "rubbish.creds")}


@asynccontextmanager
async def a_wrong_password(folder: Path) -> AsyncIterator[Variables]:
    async with running_nats(folder / "nats", more="authorization { user: sam, password: another }\n") as server:
        yield {"URL": server.url, "USER": "sam", "PASSWORD": "secret"}


def _tls(folder: Path, more: str = "") -> str:
    return f'tls {{ cert_file: "{folder}/ours-cert.pem", key_file: "{folder}/ours-key.pem"{more} }}\n'


@asynccontextmanager
async def an_authority_that_is_not_the_servers(folder: Path) -> AsyncIterator[Variables]:
    for name in ("ours", "theirs"):
        certificates(folder, name)
    async with running_nats(folder / "nats", more=_tls(folder)) as server:
        yield {"URL": server.url, "TLS_CA_FILE": str(folder / "theirs-ca.pem")}


@asynccontextmanager
async def a_client_certificate_that_has_expired(folder: Path) -> AsyncIterator[Variables]:
    certificates(folder, "ours")
    certificates(folder, "old", days=-1)
    known = f', ca_file: "{folder}/old-ca.pem", verify: true'
    async with running_nats(folder / "nats", more=_tls(folder, known)) as server:
        files = {"TLS_CA_FILE": "ours-ca", "TLS_CERT_FILE": "old-cert", "TLS_KEY_FILE": "old-key"}
        yield {"URL": server.url, **{name: str(folder / f"{file}.pem") for name, file in files.items()}}


@asynccontextmanager
async def nobody_listens(folder: Path) -> AsyncIterator[Variables]:
    yield {"URL": f"nats://127.0.0.1:{free_port()}"}


@asynccontextmanager
async def a_name_that_does_not_resolve(folder: Path) -> AsyncIterator[Variables]:
    yield {"URL": "nats://no-such-host.invalid:4222"}


@asynccontextmanager
async def a_server_that_says_nothing(folder: Path) -> AsyncIterator[Variables]:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        yield {"URL": f"nats://127.0.0.1:{silent.getsockname()[1]}"}


Fault = Callable[[Path], AbstractAsyncContextManager[Variables]]


def further(*given: object) -> Any:
    """A case that differs from another one in the words alone, which tests/infra/log have."""
    return pytest.param(*given, marks=pytest.mark.nightly)


@pytest.mark.parametrize(
    ("fault", "why", "what_to_do"),
    [
        (no_file_of_credentials, "none.creds cannot be read (No such file or directory)", "DAREDEVIL_NATS_CREDS_FILE"),
        further(credentials_that_cannot_be_read, "cannot be read (Is a directory)", "DAREDEVIL_NATS_NKEY_FILE"),
        further(credentials_that_are_rubbish, "rubbish.creds cannot be read", "DAREDEVIL_NATS_CREDS_FILE"),
        (a_wrong_password, "it refuses DAREDEVIL_NATS_USER=sam and its password", "check that the server has"),
        further(an_authority_that_is_not_the_servers, "of an authority unknown here", "DAREDEVIL_NATS_TLS_CA_FILE"),
        (a_client_certificate_that_has_expired, "DAREDEVIL_NATS_TLS_CERT_FILE has expired", "issue a new one"),
        (nobody_listens, "Connection refused", "correct DAREDEVIL_NATS_URL"),
        further(a_name_that_does_not_resolve, "its name does not resolve", "correct DAREDEVIL_NATS_URL"),
        (a_server_that_says_nothing, "no answer within 0.1 s", "correct DAREDEVIL_NATS_URL"),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_every_command_says_in_one_sentence_why_nats_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault, why: str, what_to_do: str
) -> None:
    monkeypatch.setattr(nats_reach, "CONNECT_S", 0.1)
    backup = tmp_path / "backup"
    backup.mkdir()
    (backup / "manifest.json").write_text('{"id": "of a test", "runs": 1, "is_complete": true}')
    # `run` sets handlers of signals, which only the main thread may: so the loop is that of the server alone.
    with asyncio.Runner() as runner:
        made = fault(tmp_path)
        variables = runner.run(made.__aenter__())
        try:
            monkeypatch.setenv("DAREDEVIL_DATA_DIR", str(tmp_path / "data"))
            monkeypatch.setenv("DAREDEVIL_PORT", "0")
            for name, value in variables.items():
                monkeypatch.setenv(f"DAREDEVIL_NATS_{name}", value)
            settings.cache_clear()
            wrong = {}
            for line in (line for lines in ASK.values() for line in lines):
                code, output, errors = cli(*line.format(folder=tmp_path).split(), answer="Hello.\n")
                if code != 1 or not is_one_sentence(line, output, errors, why, what_to_do):
                    wrong[line] = (code, output, errors)
            assert wrong == {}
        finally:
            settings.cache_clear()
            runner.run(made.__aexit__(None, None, None))
    assert not any((tmp_path / name).exists() for name in ("there", "s-1.md", "s-1.wav"))


def is_one_sentence(line: str, output: str, errors: str, why: str, what_to_do: str) -> bool:
    """Whether a command has said once, in one line, what was wrong and what to do; `doctor` does so in two."""
    if line.startswith("health"):
        told = [each for each in output.splitlines() if each.startswith("not ready: ")]
    elif line == "doctor":
        told = [output[output.index("missing external NATS") :]]
    else:
        told = [each for each in errors.splitlines() if each.startswith("error: ")]
    said = "".join(told)
    return len(told) == 1 and why in said and what_to_do in said and "Traceback" not in output + errors
