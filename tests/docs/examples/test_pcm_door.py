"""`docs/examples/pcm_door.py`: the door for raw sound, started as its first lines say."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from websockets.asyncio.client import ClientConnection, connect

from contracts import events as e
from contracts.topology import live_event_subject
from infra.log.connection import connection
from infra.system.nats import free_port
from tests.bridge.agent import Agent
from tests.bridge.caller import wait_for
from tests.servers import NatsServer
from tests.waiting import until_async

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]


@asynccontextmanager
async def running_door(nats: NatsServer, port: int) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "faststream", "run", "--app-dir", "docs/examples", "pcm_door:app"),
        cwd=ROOT,
        env=os.environ | {"DAREDEVIL_NATS_URL": nats.url, "PCM_DOOR_PORT": str(port), "DAREDEVIL_GREETING": ""},
    )
    try:
        yield
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 20) == 0


async def connected(port: int) -> ClientConnection:
    async with asyncio.timeout(60):
        while True:
            try:
                return await connect(f"ws://127.0.0.1:{port}")
            except OSError:
                await asyncio.sleep(0.1)


async def test_a_client_of_raw_sound_is_heard_answered_interrupted_and_recorded_as_heard(
    nats_server: NatsServer, broker: NatsBroker
) -> None:
    agent, opened = Agent(broker), list[str]()

    async def note(message: Msg) -> None:
        opened.append(message.subject.split(".")[1])

    await connection(broker).subscribe(live_event_subject(e.SessionOpened), cb=note)
    port, received = free_port(), bytearray()
    async with running_door(nats_server, port):
        client = await connected(port)

        async def receive() -> None:
            async for data in client:
                assert isinstance(data, bytes)
                received.extend(data)

        async def has(event_class: type[e.Event]) -> bool:
            return any(isinstance(event, event_class) for event in await agent.facts(session_id))

        receiving = asyncio.create_task(receive())
        await wait_for(lambda: bool(opened))
        session_id = opened[0]
        async with agent.hearing(session_id) as frames:
            await until_async(lambda: has(e.TrackPublished))
            await client.send(b"\x01\x00" * 16_000)
            await wait_for(lambda: sum(len(frame.pcm) // 2 for frame in frames) == 16_000)

        await agent.reply(session_id, "r-1")
        await until_async(lambda: has(e.PlaybackFinished))
        assert len(received) == 48_000

        await agent.reply(session_id, "r-2", turn_id="turn-2")
        await wait_for(lambda: len(received) > 48_000)
        speech = {"participant_id": "caller", "utterance_id": "u-2", "turn_id": "turn-3"}
        sound = {"track_id": "t", "start_sample": 0, "over_reply_id": "r-2"}
        await agent.append(e.SpeechStarted, session_id, **speech, **sound)
        await until_async(lambda: has(e.PlaybackPaused))
        await agent.append(e.TurnInterrupted, session_id, reply_id="r-2", **speech)
        await until_async(lambda: has(e.PlaybackInterrupted))
        await client.close()
        await receiving
        await until_async(lambda: has(e.SessionClosed))
    facts = await agent.facts(session_id)
    finished = next(event for event in facts if isinstance(event, e.PlaybackFinished))
    assert finished.heard_text == "Hello there. How are you?"
    interrupted = next(event for event in facts if isinstance(event, e.PlaybackInterrupted))
    assert 48_000 + 2 * interrupted.played_samples == len(received)
    assert finished.heard_text.startswith(interrupted.heard_text)
