"""One time for all processes of a log, whatever the wall clocks of their machines show.

A process with conversations in progress keeps the time that they began with; the others adopt the time of the process
that has been busy longest. While none is busy, it is the time of the NATS server, which stamps what is stored. So a
process that takes a session over, on a machine whose clock is an hour off or has stepped, continues in the session's
own time.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from contracts.topology import CLOCK_SUBJECT, PROBE
from infra.log.clock import APART_NS, CLOCK, SteadyClock, elapsed_ns, time_ns_of
from infra.log.connection import asking
from infra.process.tasks import ended

log = logging.getLogger(__name__)

EVERY_S = 10.0
"""How often a process compares its time with the others'."""

ANSWERS_S = 0.1
"""How long to wait for answers: there may be several, and one from a busy process counts most."""

NATS_S = 2.0
PROBLEMS = (NatsError, TimeoutError, OSError, ValueError, KeyError)


@dataclass(frozen=True, slots=True)
class OthersTime:
    """The time of the process that answered, and the moment here (`at_ns`, of `elapsed_ns`) that it corresponds to."""

    time_ns: int
    busy_ns: int
    at_ns: int

    def now_ns(self, here_ns: int) -> int:
        """Return that process's time at the moment `here_ns`."""
        return self.time_ns + here_ns - self.at_ns


def leading(answers: Sequence[OthersTime], busy_ns: int) -> OthersTime | None:
    """Return the time to adopt after being busy for `busy_ns`: of the process busy longest, if that is longer."""
    longest = max(answers, key=lambda answer: answer.busy_ns, default=None)
    return longest if longest is not None and longest.busy_ns > busy_ns else None


async def agree(nc: Client, clock: SteadyClock = CLOCK, patience_s: float = ANSWERS_S) -> None:
    """Set this process's time to that of the others if it is apart. Raises nats errors, TimeoutError."""
    answer = leading(await _answers(nc, patience_s), clock.busy_ns())
    if answer is None and not clock.busy_ns():
        answer = await _of_nats(nc)
    if answer is not None and (moved_ns := clock.agree(answer.now_ns(elapsed_ns()))):
        log.warning("the clock was moved by %+.1f s to agree with the other processes at this log", moved_ns / 1e9)


@asynccontextmanager
async def common_time(nc: Client, clock: SteadyClock = CLOCK, every_s: float = EVERY_S) -> AsyncIterator[None]:
    """Keep this process's time equal to the others' and answer requests for it during a block. Raises nats errors."""

    async def answer(message: Msg) -> None:
        if busy_ns := clock.busy_ns():
            await message.respond(json.dumps({"time_ns": clock.peek_ns(), "busy_ns": busy_ns}).encode())

    async def keep() -> None:
        while True:
            await asyncio.sleep(every_s)
            await _look(nc, clock)

    await _look(nc, clock)
    subscription = await nc.subscribe(CLOCK_SUBJECT, cb=answer)
    keeping = asyncio.create_task(keep(), name="agreeing on the time")
    try:
        yield
    finally:
        await ended(keeping)
        with suppress(*PROBLEMS):
            await subscription.unsubscribe()


async def _look(nc: Client, clock: SteadyClock) -> None:
    try:
        await agree(nc, clock)
    except PROBLEMS as error:
        log.debug("agreeing on the time: %r", error)


async def _answers(nc: Client, patience_s: float) -> list[OthersTime]:
    """Return the answers of the busy processes; this process may be among them."""
    answers: list[OthersTime] = []
    asked_ns = elapsed_ns()

    async def take(message: Msg) -> None:
        with suppress(*PROBLEMS):
            answer = json.loads(message.data)
            answers.append(_put(int(answer["time_ns"]), int(answer["busy_ns"]), asked_ns))

    inbox = nc.new_inbox()
    subscription = await nc.subscribe(inbox, cb=take)
    try:
        await nc.publish(CLOCK_SUBJECT, b"", reply=inbox)
        await asyncio.sleep(patience_s)
    finally:
        await subscription.unsubscribe()
    return answers


async def _of_nats(nc: Client) -> OthersTime | None:
    """Return the server's time, which is in every answer about a stream; None if it has no log yet."""
    asked_ns = elapsed_ns()
    try:
        answer = json.loads((await asking(nc).request(f"$JS.API.STREAM.INFO.{PROBE}", timeout=NATS_S)).data)
    except NoRespondersError:
        return None
    return _put(time_ns_of(answer["ts"]), 0, asked_ns) if "ts" in answer else None


def _put(time_ns: int, busy_ns: int, asked_ns: int) -> OthersTime:
    """Return an answer that arrives now to a request of `asked_ns`. Raises TimeoutError if that was too long ago."""
    here_ns = elapsed_ns()
    if here_ns - asked_ns > APART_NS // 2:
        raise TimeoutError("the answer took too long for the time in it to be of use")
    return OthersTime(time_ns, busy_ns, (here_ns + asked_ns) // 2)
