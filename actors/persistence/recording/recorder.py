"""The recorder: the opening of a session is the job of recording it, held until the recording is complete."""

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from faststream.nats import NatsBroker
from nats.aio.msg import Msg

from contracts import events as e
from contracts.topology import RECORDER, live_event_subject
from infra.log.connection import connection
from infra.log.inbox import Inbox
from infra.settings import settings

if TYPE_CHECKING:
    from actors.persistence.recording.session import SessionRecorder

FLUSH_S = 4.0
"""How long this process's end may wait for what is known to be stored."""

NICE = 15
_WAKING = (e.SessionClosed, e.SpeechStarted, e.PlaybackStarted)
"""Facts after which a recorder that had nothing to do looks again."""


class Recorder:
    """Takes sessions of the inbox; each is owned by a task, and its message held, until its recording is complete."""

    def __init__(self, broker: NatsBroker) -> None:
        self._broker = broker
        self._sessions: dict[str, SessionRecorder] = {}
        self._encoding: ThreadPoolExecutor | None = None
        self.inbox = Inbox(broker, RECORDER, self.record)

    async def record(self, event: e.Event) -> "asyncio.Task[None] | None":
        """Own the recording of the session that was opened."""
        if not isinstance(event, e.SessionOpened) or self._encoding is None or not settings().record_audio:
            return None
        from actors.persistence.recording.session import SessionRecorder

        session = SessionRecorder(self._broker, event, self._encoding)
        self._sessions[event.session_id] = session
        return asyncio.create_task(self._run(event.session_id, session), name=f"recording of {event.session_id}")

    async def _run(self, session_id: str, session: "SessionRecorder") -> None:
        try:
            await session.run()
        finally:
            if self._sessions.get(session_id) is session:
                del self._sessions[session_id]

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Take sessions; at the end store what is known of those that are open, before others get them."""
        await asyncio.to_thread(__import__, "actors.persistence.recording.session")
        self._encoding = ThreadPoolExecutor(1, "encoding", initializer=_be_nice)
        for event_class in _WAKING:
            await connection(self._broker).subscribe(live_event_subject(event_class), cb=self._wake)
        await self.inbox.open()
        try:
            yield
        finally:
            await self._flush()
            await self.inbox.close()
            self._encoding.shutdown(wait=False, cancel_futures=True)

    async def _wake(self, message: Msg) -> None:
        session = self._sessions.get(message.subject.split(".")[1])
        if session is not None:
            session.wake()

    async def _flush(self) -> None:
        sessions = list(self._sessions.values())
        for session in sessions:
            session.hurry()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                for session in sessions:
                    await session.flushed.wait()


def _be_nice() -> None:
    """Leave the processor to those who answer: on Linux a thread has a niceness of its own."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
