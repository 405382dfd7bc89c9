"""`daredevil erase` as users give it."""

import asyncio
import json
import subprocess
import sys

import pytest
from faststream.nats import NatsBroker

from infra.log.event_log import facts_after
from tests.infra.cli.command import cli_beside
from tests.infra.erasure.talk import SECRET, session, store, times_on_disk
from tests.servers import NatsServer

pytestmark = pytest.mark.slow


async def daredevil(*arguments: str, answer: str = "") -> tuple[int, str, str]:
    """Run it in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.cli", *arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    output, errors = await process.communicate(answer.encode())
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


@pytest.fixture(autouse=True)
def no_projections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAREDEVIL_POSTGRES_URL", "off")


async def test_it_shows_what_will_go_and_erases_only_when_that_is_confirmed(
    broker: NatsBroker, nats_server: NatsServer
) -> None:
    await store(broker, session("s-1", "sam"))
    before = await facts_after(broker, "s-1")
    code, output, errors = await daredevil("erase", "--user", "sam", answer="n\n")
    assert (code, output.strip()) == (1, "")
    assert "s-1" in errors
    assert "27 of 33 facts contain words" in errors
    assert await facts_after(broker, "s-1") == before
    assert times_on_disk(nats_server.directory, SECRET) > 0
    code, output, _ = await cli_beside("erase", "--user", "sam", answer="y\n")
    assert code == 0
    assert "facts removed    27" in output
    assert "recording        3 chunks" in output
    assert "tapes            2 chunks" in output
    assert times_on_disk(nats_server.directory, SECRET) == 0


async def test_the_receipt_can_be_had_as_json_and_the_events_show_the_erasure(broker: NatsBroker) -> None:
    await store(broker, session("s-1", "sam"))
    code, output, _ = await cli_beside("erase", "--session", "s-1", "--yes", "--json", "--reason", "spring cleaning")
    receipt = json.loads(output)
    assert (code, receipt["user_id"], receipt["reason"]) == (0, "sam", "spring cleaning")
    assert receipt["sessions"][0]["facts_removed"]["TurnEnded"] == 2
    code, output, _ = await cli_beside("events", "s-1")
    assert code == 0
    assert f"facts={receipt['sessions'][0]['skeleton']}" in output
    assert SECRET not in output


async def test_what_cannot_be_erased_is_reported_in_one_line(broker: NatsBroker) -> None:
    await store(broker, session("s-1", "sam", closed=False))
    for arguments, told in (
        (("--user", "sam"), "still open: s-1"),
        (("--user", "ann"), "no session of user 'ann'"),
        (("--session", "no.id"), "not a session id"),
        ((), "give --user USER or --session SESSION"),
        (("--user", "sam", "--session", "s-1"), "cannot go together"),
    ):
        code, output, errors = await cli_beside("erase", "--yes", *arguments)
        assert (code, output) == (2, "")
        assert told in errors
