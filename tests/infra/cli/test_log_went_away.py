"""NATS that goes away while a command reads the log: one line and an exit code."""

import asyncio
from typing import Any

import pytest
from faststream.nats import NatsBroker
from nats.aio.client import Client
from typer.testing import CliRunner

from contracts import events as e
from infra.cli.app import app
from infra.log import nats_reach
from infra.log.event_log import append
from infra.log.nats_reach import connect_once
from infra.session import tool_calls
from infra.session.tool_calls import settlement
from tests.infra.cli.command import cli_beside
from tests.infra.cli.test_tools import CALL
from tests.infra.export.a_call import a_call
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


async def test_an_erasure_whose_log_goes_away_while_it_asks_is_ended(
    broker: NatsBroker, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for fact in a_call().facts:
        await append(broker, fact)
    monkeypatch.setattr("infra.cli.erase._ask", lambda _: nats_server.kill())
    code, _, told = await asyncio.wait_for(cli_beside("erase", "--session", "s-1", "--force"), 60)
    await nats_server.start()
    assert code == 1
    assert told.splitlines()[-1].startswith("error: ")
    assert "went away, or does not answer any more" in told


async def test_a_settlement_whose_log_goes_away_is_ended(
    broker: NatsBroker, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await append(broker, e.ToolCalled(**CALL, event_id="e1", kind="action", arguments="{}"))
    await append(broker, e.ToolReturned(**CALL, event_id="e2", outcome="unknown", error="its process ended"))

    def settled_too_late(*given: Any) -> e.ToolSettled:
        nats_server.kill()
        return settlement(*given)

    monkeypatch.setattr(tool_calls, "settlement", settled_too_late)
    code, _, told = await asyncio.wait_for(cli_beside("tools", "settle", "c1", "--result", "booked"), 60)
    await nats_server.start()
    assert code == 1
    assert told.splitlines()[-1].startswith("error: ")
    assert "went away, or does not answer any more" in told
