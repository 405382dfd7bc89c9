"""Secrets in files that only their readers can read, and passwords of servers."""

import pytest

from tests.stack.production.conftest import NATS
from tests.stack.production.files import ProductionFiles
from tests.stack.stack import OURS, CommandFailed, Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1200)]

ASYNC = pytest.mark.asyncio(loop_scope="package")


@ASYNC
async def test_a_process_takes_its_secrets_from_files(production: Stack, files: ProductionFiles) -> None:
    """It is healthy, so NATS and Postgres have let it in."""
    told = await production.inside("projection-postgres", "env")
    assert files.secret("postgres_password") not in told
    assert "DAREDEVIL_NATS_NKEY_FILE=/run/secrets/nats_{process}" in told
    assert "postgres" in await production.as_operator("daredevil", "projections")


@ASYNC
async def test_nobody_gets_into_the_log_without_a_key(production: Stack) -> None:
    """As a process without one: it says so."""
    with pytest.raises(CommandFailed, match="set DAREDEVIL_NATS_USER"):
        await production.inside(
            "projection-postgres", "sh", "-c", "DAREDEVIL_PROBE_PORT= DAREDEVIL_NATS_NKEY_FILE= daredevil health"
        )


@ASYNC
async def test_a_process_cannot_store_anothers_fact(production: Stack) -> None:
    said = await production.refused_by_nats("synthesis", "voice.stack.turn.ended")
    assert 'permissions violation for publish to "voice.stack.turn.ended"' in said


@ASYNC
async def test_a_secret_is_read_by_those_who_need_it_only(production: Stack) -> None:
    listed = await production.inside("projection-postgres", "ls", "/run/secrets")
    assert listed.split() == ["nats_projection-postgres", "postgres_url"]


def test_secrets_are_readable_by_their_group_only(files: ProductionFiles) -> None:
    secrets = [file for file in (files.folder / "secrets").rglob("*") if file.is_file()]
    assert len(secrets) > 20
    assert {(file.stat().st_mode & 0o777, file.stat().st_gid) for file in secrets} == {(0o640, 10001)}


@ASYNC
async def test_no_port_is_open_but_those_of_the_proxy_and_of_media(production: Stack) -> None:
    for service in (*NATS, "postgres", *OURS):
        bound = (await production.container(service))["HostConfig"]["PortBindings"]
        assert not any(bound.values()), service
