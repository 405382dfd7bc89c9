"""NATS that goes away while a command reads the log: one line and an exit code."""

import asyncio
from typing import Any

import pytest
from faststream.nats import NatsBroker
from nats.aio.client import Client
from typer.testing import CliRunner

from infra.cli.app import app
from infra.log import nats_reach
from infra.log.nats_reach import connect_once
from tests.servers import NatsServer

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "command", [("sessions",), pytest.param(("replay", "--all", "--verify"), marks=pytest.mark.nightly)]
)
async def test_a_log_that_goes_away_while_it_is_read_is_said(
    broker: NatsBroker, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    async def connected_once(url: str, *failed: Any) -> Client:
        nc = await connect_once(url, *failed)
        nats_server.kill()
        return nc

    monkeypatch.setattr(nats_reach, "connect_once", connected_once)
    result = await asyncio.to_thread(CliRunner().invoke, app, list(command))
    await nats_server.start()
    assert result.exit_code == 1
    assert f"error: NATS at {nats_server.url} went away, or does not answer any more" in result.stderr
    assert isinstance(result.exception, SystemExit)
