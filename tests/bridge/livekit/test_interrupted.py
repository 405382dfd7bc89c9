"""Something that a room's job waits for is cancelled, at any await: the agent goes on, or the room is another's."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from faststream.nats import NatsBroker
from livekit import rtc
from livekit.agents import JobContext

from bridge.livekit.ear import MicrophoneEar
from bridge.livekit.ownership.lease import Holding, Lease
from bridge.livekit.room_job import RoomJob
from contracts import events as e
from infra.livekit.naming import agent_identity, session_of_room
from infra.process.tasks import CancelledElsewhere
from infra.settings import Settings
from infra.tape.untaped import Untaped
from tests.bridge.agent import Agent
from tests.bridge.livekit.conftest import Invite
from tests.bridge.livekit.guest import token
from tests.bridge.livekit.session_log import facts_with
from tests.livekit_server import LiveKitServer
from tests.stepping import Injected, with_cancellation
from tests.waiting import until


def in_room(server: LiveKitServer, name: str, sid: str) -> JobContext:
    """What livekit-agents gives a job: its room, not joined yet."""
    room = rtc.Room()

    async def connect(**_: Any) -> None:
        identity = agent_identity(session_of_room(sid))
        options = rtc.RoomOptions(auto_subscribe=False)
        await room.connect(server.url, token(server, name, identity, kind="agent"), options)

    job = SimpleNamespace(room=SimpleNamespace(name=name, sid=sid), metadata="", agent_name="")
    return cast(JobContext, SimpleNamespace(job=job, room=room, connect=connect))


@pytest.mark.parametrize("at", [1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 30])
async def test_a_job_goes_on_or_its_room_is_free_for_another(
    broker: NatsBroker,
    livekit_server: LiveKitServer,
    invite: Invite,
    agent: Agent,
    monkeypatch: pytest.MonkeyPatch,
    at: int,
) -> None:
    ada = await invite()
    sid = await ada.room.sid
    server = livekit_server
    settings = Settings(livekit_url=server.url, livekit_api_key=server.api_key, livekit_api_secret=server.api_secret)
    real: Callable[[RoomJob], Awaitable[None]] = RoomJob._run
    injected = Injected(at)
    monkeypatch.setattr(RoomJob, "_run", lambda self: with_cancellation(real(self), injected))  # type: ignore[arg-type]
    context = in_room(server, "hall", sid)
    job = RoomJob(context, broker, Untaped(), settings)
    running = asyncio.create_task(job.run())
    try:
        hears = asyncio.create_task(facts_with(agent, job.session_id, e.TrackPublished))
        await asyncio.wait([running, hears], return_when=asyncio.FIRST_COMPLETED)
        hears.cancel()
        if running.done():
            with pytest.raises(CancelledElsewhere):
                running.result()
            assert injected.done
            holding = Holding(session_id=job.session_id, room="hall", room_sid=sid)
            assert await Lease(broker, holding).take()
        else:
            await facts_with(agent, job.session_id, e.TrackPublished)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await context.room.disconnect()


class BrokenStream:
    """A track's sound, whose second frame is the end of it for a reason of its own the first time."""

    opened = 0

    async def __aiter__(self) -> AsyncIterator[SimpleNamespace]:
        type(self).opened += 1
        yield SimpleNamespace(frame=SimpleNamespace(data=np.ones(640, np.int16).tobytes()))
        if self.opened == 1:
            raise asyncio.CancelledError

    async def aclose(self) -> None:
        return None


async def test_a_microphone_is_listened_to_again_when_something_ends_that(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []

    async def sound(pcm: bytes, _received_ns: int) -> None:
        heard.append(pcm)

    monkeypatch.setattr(rtc.AudioStream, "from_track", lambda **_: BrokenStream())
    ear = MicrophoneEar(cast(rtc.RemoteTrack, None), "track-1", asyncio.Event(), lambda _since_ns: None, sound)
    ear.open()
    await ear.run()
    await until(lambda: len(heard) == 2)
    assert BrokenStream.opened == 2
