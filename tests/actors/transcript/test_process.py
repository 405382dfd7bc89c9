import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
from faststream.nats import NatsBroker

from contracts import events as e
from infra.log.connection import connection
from tests.actors.transcript.track_of import Caller, has, only, words
from tests.servers import NatsServer
from tests.speech import recorded, silence

pytestmark = pytest.mark.engines


@asynccontextmanager
async def running_transcript(server: NatsServer) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = os.environ | {"DAREDEVIL_NATS_URL": server.url}
    arguments = ("-m", "faststream", "run", "actors.transcript:app")
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, env=environment)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 20)


async def until_ready(broker: NatsBroker, pid: int) -> None:
    """Wait until the process answers the health question; any copy may answer first, so ask all."""
    nc = connection(broker)
    inbox = nc.new_inbox()
    answers = await nc.subscribe(inbox)
    async with asyncio.timeout(60):
        while True:
            await nc.publish("health.transcript", reply=inbox)
            try:
                while (await answers.next_msg(timeout=0.2)).data != str(pid).encode():
                    pass
                break
            except TimeoutError:
                continue
    await answers.unsubscribe()


async def test_when_the_owner_is_killed_in_mid_utterance_another_copy_goes_on(
    caller: Caller, nats_server: NatsServer
) -> None:
    async with running_transcript(nats_server) as first:
        await until_ready(caller.broker, first.pid)
        async with running_transcript(nats_server) as second:
            await until_ready(caller.broker, second.pid)
            sound = recorded("calls/plain-02")
            await caller.speak(silence(300), sound[:20_000])
            await caller.until(has(e.SpeechStarted))
            first.send_signal(signal.SIGKILL)
            await caller.speak(sound[20_000:], silence(1500))
            facts = await caller.until(has(e.TurnEnded))
            assert second.returncode is None
    assert words(cast(e.TurnEnded, only(facts, e.TurnEnded)[0]).text) == "can you tell me a little about yourself"
    for kind in (e.SpeechStarted, e.SpeechEnded, e.UtteranceTranscribed, e.TurnEnded):
        assert len(only(facts, kind)) == 1
    assert len({fact.event_id for fact in facts}) == len(facts)
