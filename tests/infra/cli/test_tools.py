"""`daredevil tools` as a user calls it."""

from typing import Any

from faststream.nats import NatsBroker

from contracts import events as e
from infra.log.connection import connection
from infra.log.event_log import append, history
from tests.infra.cli.command import cli, cli_beside
from tests.infra.cli.test_cli import json_lines

CALL: dict[str, Any] = {"session_id": "s-1", "time_ns": 10**9, "reply_id": "r", "tool": "order", "call_id": "c1"}


async def test_a_call_that_nobody_knows_of_is_listed_and_settled_once(broker: NatsBroker) -> None:
    await append(broker, e.ToolCalled(**CALL, event_id="e1", kind="action", arguments='{"table": "4"}'))
    await append(broker, e.ToolReturned(**CALL, event_id="e2", outcome="unknown", error="its process ended"))
    _, output, _ = await cli_beside("tools", "--unknown")
    assert "c1" in output
    assert '{"table": "4"}' in output
    assert "its process ended" in output
    [line] = json_lines("tools", (await cli_beside("tools", "--json"))[1])
    assert (line["unknown"], line["outcome"]) == (True, "unknown")
    code, _, errors = await cli_beside("tools", "--session", "s-2")
    assert code == 2
    assert "the log has no session s-2" in errors
    code, output, _ = await cli_beside("tools", "settle", "c", "--result", "booked", "--by", "sam")
    assert (code, output.strip()) == (0, "c1 of session s-1: settled")
    settled = [each.event async for each in history(connection(broker), "s-1")][-1]
    assert isinstance(settled, e.ToolSettled)
    assert (settled.result, settled.by, settled.reply_id) == ("booked", "sam", "r")
    code, _, errors = await cli_beside("tools", "settle", "c1", "--result", "booked twice")
    assert code == 2
    assert "settled by sam" in errors


def test_a_settlement_is_either_a_result_or_a_failure() -> None:
    assert cli("tools", "settle", "c1")[0] == 2
    assert cli("tools", "settle", "c1", "--result", "a", "--failed", "b")[0] == 2
