"""What production adds, in containers: secrets in files that only their readers can read, and passwords of servers."""

import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.stack.stack import COMPOSE, CommandFailed, Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

ASYNC = pytest.mark.asyncio(loop_scope="module")

SERVICES = ("nats", "postgres", "projection-postgres")
"""Servers with a password, and a process that needs both."""


@pytest.fixture(scope="module")
def with_secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compose files with secrets of their own."""
    folder = tmp_path_factory.mktemp("production") / "compose"
    shutil.copytree(COMPOSE, folder, ignore=shutil.ignore_patterns("secrets", ".env"))
    subprocess.run(["sh", "secrets.sh"], cwd=folder, check=True, capture_output=True)
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def production(with_secrets: Path) -> AsyncIterator[Stack]:
    """A part of the stack as others use it."""
    stack = Stack(
        project="dd-production",
        folder=with_secrets,
        files=("compose.yaml", "compose.production.yaml"),
        variables={"DOMAIN": "voice.example.org", "ACME_EMAIL": "you@example.org", "NODE_IP": "127.0.0.1"},
    )
    await stack.down()
    try:
        await stack.compose("up", "-d", "provision", *SERVICES)
        await stack.healthy(SERVICES)
        yield stack
    finally:
        await stack.down()


@ASYNC
async def test_a_process_takes_its_passwords_from_files(production: Stack, with_secrets: Path) -> None:
    """It is healthy, so NATS and Postgres have let it in."""
    told = await production.inside("projection-postgres", "env")
    password = (with_secrets / "secrets" / "nats_password").read_text().strip()
    assert password not in told
    assert "DAREDEVIL_NATS_PASSWORD_FILE=/run/secrets/nats_password" in told
    assert "postgres" in await production.inside("projection-postgres", "daredevil", "projections")


@ASYNC
async def test_nobody_gets_into_the_log_without_the_password(production: Stack) -> None:
    """As a process whose secret is another one: it says so."""
    with pytest.raises(CommandFailed, match="refuses DAREDEVIL_NATS_USER=daredevil and its password"):
        await production.inside(
            *("projection-postgres", "sh", "-c"),
            "DAREDEVIL_PROBE_PORT= DAREDEVIL_NATS_PASSWORD_FILE= DAREDEVIL_NATS_PASSWORD=another daredevil health",
        )


@ASYNC
async def test_a_secret_is_read_by_those_who_need_it_only(production: Stack) -> None:
    listed = await production.inside("projection-postgres", "ls", "/run/secrets")
    assert listed.split() == ["nats_password", "postgres_url"]


def test_secrets_are_readable_by_their_group_only(with_secrets: Path) -> None:
    files = list((with_secrets / "secrets").iterdir())
    assert len(files) > 10
    assert {(file.stat().st_mode & 0o777, file.stat().st_gid) for file in files} == {(0o640, 10001)}


@ASYNC
async def test_no_port_is_open(production: Stack) -> None:
    for service in SERVICES:
        bound = (await production.container(service))["HostConfig"]["PortBindings"]
        assert not any(bound.values()), service
