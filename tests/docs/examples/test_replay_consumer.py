"""`docs/examples/replay_consumer.py` and `moderation.py` on a recorded conversation, as their first lines say."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest
from faststream.nats import NatsBroker
from typer.testing import CliRunner

from contracts import events as e
from contracts.topology import VOICE, health_subject
from infra.cli.app import app
from infra.log.connection import connection, jetstream
from infra.log.event_log import append
from tests.infra.export.a_call import a_call
from tests.servers import NatsServer
from tests.waiting import until_async

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]


async def recorded(broker: NatsBroker, *texts: str) -> None:
    call = a_call()
    for number, text in enumerate(texts):
        call.turn(f"t{number + 2}", text, 5000 + number)
    call.add(e.SessionClosed, 6000, reason="hangup")
    for fact in call.facts:
        await append(broker, fact)


async def started(url: str, *arguments: str) -> Process:
    environment = os.environ | {"DAREDEVIL_NATS_URL": url, "PYTHONPATH": str(ROOT)}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, cwd=ROOT, env=environment, stdout=PIPE, stderr=PIPE
    )


def running(example: str) -> tuple[str, ...]:
    return "faststream", "run", "--app-dir", "docs/examples", f"{example}:app"


async def ended(process: Process) -> None:
    process.terminate()
    await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0


async def test_a_consumer_prints_what_was_said_in_each_replay(nats_server: NatsServer, broker: NatsBroker) -> None:
    async def is_up() -> bool:
        try:
            await connection(broker).request(health_subject("replay-consumer"), timeout=1)
        except Exception:  # nobody answers yet
            return False
        return True

    await recorded(broker)
    consumer = await started(nats_server.url, *running("replay_consumer"))
    try:
        await until_async(is_up, within_s=60)
        for _ in range(2):
            arguments = ["replay", "s-1", "--publish", "--speed", "max"]
            assert (await asyncio.to_thread(CliRunner().invoke, app, arguments)).exit_code == 0
            assert consumer.stdout is not None
            said = [await asyncio.wait_for(consumer.stdout.readline(), 20) for _ in range(3)]
            assert said == [b"agent: Hello!\n", b"user: What time is it?\n", b"agent: It is noon. Time\n"]
    finally:
        await ended(consumer)


async def test_an_actor_is_rehearsed_as_it_is_and_nothing_of_it_reaches_the_log(
    nats_server: NatsServer, broker: NatsBroker
) -> None:
    await recorded(broker, "My password is tiger.")
    before = (await jetstream(broker).stream_info(VOICE)).state
    rehearsal = await started(nats_server.url, "infra.cli", "replay", "s-1", "--rehearse", "--speed", "max")
    assert rehearsal.stderr is not None
    first = (await asyncio.wait_for(rehearsal.stderr.readline(), 60)).decode()
    found = re.search(r"nats://\S+(?=;)", first)
    assert found is not None, first
    actor = await started(found[0], *running("moderation"))
    try:
        _, told = await asyncio.wait_for(rehearsal.communicate(), 60)
    finally:
        actor.terminate()
        _, logged = await asyncio.wait_for(actor.communicate(), 20)
    assert "moderation takes facts" in told.decode()
    assert told.decode().endswith("facts were handled, 0 appended\n")
    assert "session s-1 is not a call, or is over: there is nothing to end" in logged.decode()
    after = (await jetstream(broker).stream_info(VOICE)).state
    assert (after.messages, after.consumer_count) == (before.messages, before.consumer_count)
