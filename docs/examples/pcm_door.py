"""A door for raw sound: a WebSocket that takes a microphone as PCM and gives the agent's sound back as PCM.

    .venv/bin/faststream run --app-dir docs/examples pcm_door:app

Both ways the sound is int16 little endian, mono, in binary messages: the client's at 16 kHz, the agent's at
DAREDEVIL_AGENT_SAMPLE_RATE_HZ. There are no other messages. One connection is one session.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from faststream import FastStream
from faststream.nats import NatsBroker
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bridge.call.call import Call
from bridge.call.client_clock import ClientClock
from bridge.call.log_watch import watch_log
from bridge.call.session_events import AGENT, PERSON, joined, published, session_opened
from bridge.playback.reports import Played
from contracts.ids import new_session_id
from infra.log.broker import make_app, make_broker
from infra.log.event_log import Fact, now_ns
from infra.log.tapes import tapes_of
from infra.process.tasks import ended
from infra.settings import settings

FRAME_S = 0.02


class PcmLine:
    """A client of raw sound, as its call sees it: replies are sent at the pace at which they are heard."""

    def __init__(self, socket: ServerConnection, call: Call, rate_hz: int) -> None:
        self.clock, self.counts_played = ClientClock(), True
        self._socket, self._call = socket, call
        self._frame_bytes = 2 * int(rate_hz * FRAME_S)
        self._reply_id, self._waiting, self._played, self._total = "", bytearray(), 0, -1
        self._paused = self._over = False

    def tell(self, message: dict[str, Any]) -> None:
        """Take what the call tells about playback."""
        match message:
            case {"type": "reply", "reply_id": reply_id}:
                self._reply_id, self._played, self._total = reply_id, message.get("first_sample", 0), -1
                self._waiting.clear()
            case {"type": "reply_end", "samples": samples}:
                self._total = samples
            case {"type": "stop", "reply_id": self._reply_id}:
                self._report(ended=False)
                self._reply_id = ""
                self._waiting.clear()
            case {"type": "pause", "reply_id": self._reply_id}:
                self._paused = True
                self._report(ended=False)
            case {"type": "resume"}:
                self._paused = False

    def fact(self, fact: Fact) -> None:
        """Take a fact of the session: a door with captions would show it."""

    def sound(self, pcm: bytes) -> None:
        """Take sound of the reply that was announced last."""
        self._waiting += pcm

    def refuse(self, code: str, message: str) -> None:
        """Take that the call cannot go on here."""
        self.end()

    def end(self) -> None:
        """Take that nothing more comes."""
        self._over = True

    async def play(self) -> None:
        """Send what waits, frame by frame, and report it as played, until the call is over."""
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while not self._over:
            due_s = max(due_s + FRAME_S, loop.time())
            await asyncio.sleep(due_s - loop.time())
            if self._paused or not self._reply_id:
                continue
            frame = bytes(self._waiting[: self._frame_bytes])
            del self._waiting[: self._frame_bytes]
            if frame:
                await self._socket.send(frame)
            self._played += len(frame) // 2
            if frame or self._played == self._total:
                self._report(ended=self._played == self._total)
        await self._socket.close()

    def _report(self, ended: bool) -> None:
        count = Played(type="played", reply_id=self._reply_id, samples=self._played, started=True, ended=ended)
        self._call.played(count)
        self._reply_id = "" if ended else self._reply_id


class PcmDoor:
    """Gives each connection its call."""

    def __init__(self, broker: NatsBroker) -> None:
        self._broker = broker
        self._calls: set[Call] = set()

    async def talk(self, socket: ServerConnection) -> None:
        """Serve a connection from its first sample to its last."""
        session_id, track_id = new_session_id(), new_session_id()
        call = Call(self._broker, tapes_of(self._broker), session_id, settings(), self._calls.discard)
        await call.open([])
        self._calls.add(call)
        line = PcmLine(socket, call, settings().agent_sample_rate_hz)
        at_ns = now_ns()
        await call.store(
            [
                session_opened(session_id, "pcm", "", settings(), at_ns),
                joined(session_id, PERSON, "person", "", at_ns),
                joined(session_id, AGENT, "agent", "", at_ns),
                published(session_id, track_id, PERSON, at_ns),
            ]
        )
        call.attach(line)
        call.open_microphone(track_id, PERSON)
        playing = asyncio.create_task(line.play())
        try:
            async for data in socket:
                if isinstance(data, bytes):
                    await call.sound(track_id, data[: len(data) & ~1])
        except ConnectionClosed:
            pass
        finally:
            await ended(playing)
            call.end("hangup")
            await call.over.wait()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Take connections, and watch whether the log is there, for as long as the app runs."""
        watching = asyncio.create_task(watch_log(self._broker, lambda: self._calls))
        async with serve(self.talk, "127.0.0.1", int(os.environ.get("PCM_DOOR_PORT", "8040"))):
            yield
        await ended(watching)


def make() -> FastStream:
    """Return the app of this process."""
    broker = make_broker("pcm-door")
    return make_app("pcm-door", broker, PcmDoor(broker).listening)


app = make()
