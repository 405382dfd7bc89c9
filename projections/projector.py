"""What every running projection does: follow the log, report its status, and survive outages."""

import asyncio
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence

from nats.aio.client import Client
from nats.errors import Error as NatsError

from infra.log.stream_reader import StoredMessage
from infra.process.tasks import CancelledElsewhere, ended, own_cancellation_only
from projections.log_reader import LogLost, LogReader, OnePosition, positions_of
from projections.positions import Positions
from projections.status import Rate, Status, log_ends

log = logging.getLogger(__name__)

STOPPED_S = 10.0
"""A stopped projection tries again after this, to find out whether the problem was solved."""

STANDBY_S, AGAIN_S = 1.0, 0.1
FIRST_DELAY_S, LONGEST_DELAY_S = 0.1, 2.0
WORKED_S = 10.0
"""After this much work an error counts as a first failure again, with its shorter wait."""

LOG_AWAY = (NatsError, LogLost, OSError, TimeoutError)


class Stopped(RuntimeError):
    """The projection cannot continue by itself; the message says why and what to do."""


class AnotherCopy(RuntimeError):
    """Another copy of the projection is active; this one waits until that one has ended."""


class Projector(ABC):
    """One copy of a projection: `run()` runs it; `status()` returns its state.

    A subclass implements how it projects, and which errors mean that its server is away.
    """

    def __init__(self, process: str) -> None:
        self._rate = Rate()
        self._status = Status(process, pid=os.getpid())

    @abstractmethod
    async def project(self) -> None:
        """Find out how far the copy is, and store the log from there on, until cancelled or a server goes away.

        Raises Stopped, AnotherCopy, errors that `server_away` recognises, nats errors.
        """

    @abstractmethod
    def server_away(self, error: Exception) -> str:
        """Return the problem if an error means that the projection's server is away, else an empty text."""

    def status(self) -> Status:
        """Return its current status."""
        self._status.events_per_s = self._rate.per_s()
        return self._status

    async def run(self) -> None:
        """Run until cancelled."""
        loop, delay_s, rest_s = asyncio.get_running_loop(), FIRST_DELAY_S, 0.0
        while True:
            before, began_s = self.status().position, loop.time()
            try:
                with own_cancellation_only():
                    await asyncio.sleep(rest_s)
                    rest_s = AGAIN_S
                    await self.project()
            except CancelledElsewhere as error:
                log.warning("%s; going on", error)
                rest_s = AGAIN_S
            except AnotherCopy as error:
                self.say("standby", str(error))
                rest_s = STANDBY_S
            except Stopped as error:
                self.say("stopped", str(error), logging.ERROR)
                rest_s = STOPPED_S
            except Exception as error:
                self.say("waiting", self._why_waiting(error), logging.WARNING)
                if self.status().position > before or loop.time() - began_s > WORKED_S:
                    delay_s = FIRST_DELAY_S
                rest_s = delay_s
                delay_s = min(delay_s * 2, LONGEST_DELAY_S)

    def _why_waiting(self, error: Exception) -> str:
        if reason := self.server_away(error):
            return reason
        if isinstance(error, LOG_AWAY):
            return f"NATS does not answer ({first_line(error) or type(error).__name__})"
        # Otherwise the task would end unnoticed, and its last status would stay.
        log.error("an unexpected error; trying again", exc_info=error)
        return f"after an unexpected error: {error!r}"

    def say(self, state: str, reason: str = "", level: int = logging.INFO) -> None:
        """Set the state, and log what has changed."""
        before = (self._status.state, self._status.reason)
        if (state, reason) != before and {state, before[0]} != {"live", "catching up"}:
            log.log(level, "%s%s", state, f": {reason}" if reason else "")
        self._status.state, self._status.reason = state, reason

    def note_error(self, problem: str) -> None:
        """Count a fact that could not be stored completely."""
        self._status.errors += 1
        self._status.last_error = problem
        log.warning("%s", problem)

    async def start_at(self, nc: Client, position: Positions | int, remedy: str) -> None:
        """Note that the copy has everything up to `position`, and check that it is of this log.

        Raises Stopped with the remedy, nats errors.
        """
        ends = await log_ends(nc)
        try:
            found = positions_of(position, len(ends))
        except OnePosition as error:
            raise Stopped(str(error)) from error
        self._status.position = found.total
        if len(found) != len(ends) and found.total:
            raise Stopped(
                f"the copy is of a log with {len(found)} partitions, this one has {len(ends)}: it is of another log. "
                f"{remedy}"
            )
        for at, end in zip(found, ends, strict=False):
            if end < at:
                raise Stopped(f"the copy is at fact {at}, but the log ends at {end}: it is of another log. {remedy}")

    async def follow(
        self,
        nc: Client,
        after: Positions | int,
        keep: Callable[[Sequence[StoredMessage]], Awaitable[None]],
        caught_up: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Have each batch of the log after `after` stored, in order, while the next one is being read.

        `keep` is called with an empty batch once a second without news, `caught_up` when all is stored.
        Raises what they raise, LogLost, nats errors.
        """
        async with LogReader(nc, after) as reader:
            reading = asyncio.create_task(reader.next())
            try:
                while True:
                    batch = await reading
                    reading = asyncio.create_task(reader.next())
                    await keep(batch.messages)
                    self._rate.count(len(batch.messages))
                    if not batch.pending and caught_up is not None:
                        await caught_up()
                    self.say("catching up" if batch.pending else "live")
            finally:
                await ended(reading)


def first_line(error: BaseException) -> str:
    """Return an error's message without the details that drivers add below."""
    return str(error).partition("\n")[0]
