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

from contracts import events as e
from infra.log.inbox import Job
from infra.session.behaviour import in_session
from infra.settings import settings

if TYPE_CHECKING:
    from actors.persistence.recording.session import SessionRecorder

FLUSH_S = 4.0
"""How long this process's end may wait for what is known to be stored."""

NICE = 19
"""Of the thread that encodes: what is not encoded yet is in NATS, so it may wait longest."""

AT_ONCE = 4
"""How many recordings read and write at a time: one encodes, the next ones have their sound ready."""


class Recorder:
    """The sessions that this copy records, each in a task that ends when its recording is complete."""

    def __init__(self, broker: NatsBroker) -> None:
        self._broker = broker
        self._sessions: dict[str, SessionRecorder] = {}
        self._encoding: ThreadPoolExecutor | None = None
        self._at_once = asyncio.Semaphore(AT_ONCE)

    def record(self, event: e.SessionOpened) -> Job | None:
        """Return the task that records the session, or None where nothing is recorded."""
        if self._encoding is None or not in_session(settings(), event.profile).record_audio:
            return None
        from actors.persistence.recording.session import SessionRecorder

        session = SessionRecorder(self._broker, event, self._encoding, self._at_once)
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
        """Have the thread that encodes."""
        await asyncio.to_thread(__import__, "actors.persistence.recording.session")
        self._encoding = ThreadPoolExecutor(1, "encoding", initializer=_be_nice)
        try:
            yield
        finally:
            self._encoding.shutdown(wait=False, cancel_futures=True)

    def wake(self, session_id: str) -> None:
        """Look again at a recording that may have had nothing to do."""
        session = self._sessions.get(session_id)
        if session is not None:
            session.wake()

    async def flush(self) -> None:
        """Store what is known of the sessions that are open, before others get them."""
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
