"""Events to say, and copies of an actor that take them."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from subprocess import PIPE, Popen
from typing import Any

from faststream.nats import NatsBroker

from contracts.events import Event, ReplyClauseWritten, SessionClosed, TrackPublished, TurnEnded
from infra.log.broker import make_broker
from infra.log.connection import jetstream
from infra.log.event_log import now_ns
from infra.log.inbox import Inbox, Job, Refuses
from infra.log.provisioning import provision

Handle = Callable[[Event], Awaitable[Job | None]]


def turn_ended(n: int = 0, session: str = "s-1", text: str = "hello") -> TurnEnded:
    return TurnEnded(event_id=f"{session}:t{n}", session_id=session, time_ns=now_ns(), participant_id="p", text=text)


def clause(n: int = 0, session: str = "s-1") -> ReplyClauseWritten:
    name = f"{session}:c{n}"
    return ReplyClauseWritten(event_id=name, session_id=session, time_ns=now_ns(), reply_id="r", index=n, text="Hi.")


def session_closed(session: str = "s-1") -> SessionClosed:
    return SessionClosed(event_id=f"{session}:closed", session_id=session, time_ns=now_ns(), reason="hangup")


def track_published(session: str = "s-1", track: str = "t-1") -> TrackPublished:
    name = f"{session}:{track}"
    return TrackPublished(event_id=name, session_id=session, time_ns=now_ns(), track_id=track, participant_id="p-1")


@asynccontextmanager
async def a_copy_of(
    durable: str, handle: Handle, limit: int = 1000, refuses: Refuses | None = None
) -> AsyncIterator[NatsBroker]:
    """Take the durable's events in this process; give back what is held at the end."""
    broker = make_broker(f"copy-of-{durable}")
    inbox = Inbox(broker, durable, limit, refuses)
    if inbox.events:
        inbox.on(*inbox.events)(handle)
    else:

        @inbox.on_everything
        async def take(event: Event) -> None:
            await handle(event)

    await broker.connect()
    await provision(jetstream(broker))
    await inbox.open()
    await broker.start()
    try:
        yield broker
    finally:
        await inbox.close()
        await broker.stop()


@contextmanager
def a_process_that_takes_and_never_ends() -> Iterator["Popen[Any]"]:
    """Run a copy of synthesis as a process of its own: it prints what it takes and what it gives up."""
    process = Popen([sys.executable, "-m", "tests.infra.log.hanging_copy"], stdout=PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()
