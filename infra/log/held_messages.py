"""The messages that an inbox holds until they are handled."""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from contracts.events import Event
from infra.log.held_jobs import HeldJobs

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Held:
    """An event to be handled; one that was acknowledged before has no message."""

    event: Event
    message: Msg | None
    sequence: int
    """Its place in the log, 0 if that is unknown."""
    done: "asyncio.Future[str]"
    """Result: empty, or why it could not be handled."""


class HeldMessages:
    """The messages held, in the order of the log, at most `limit`; jobs are written to `notes`."""

    def __init__(self, limit: int, notes: HeldJobs | None) -> None:
        self._limit = limit
        self._notes = notes
        self._held: dict[Held, None] = {}
        self._by_place: dict[tuple[str, int], Held] = {}
        self._room = asyncio.Event()
        self._room.set()
        self._is_closing = False

    def __contains__(self, held: Held) -> bool:
        """Return whether it is still held."""
        return held in self._held

    def add(self, event: Event, message: Msg | None, sequence: int = 0) -> Held:
        """Hold a message, or an event without one whose place in the log may be given."""
        sequence = message.metadata.sequence.stream if message is not None else sequence
        held = Held(event, message, sequence, asyncio.get_running_loop().create_future())
        self._held[held] = None
        if message is not None:
            self._by_place[_place(message)] = held
            self._note(message)
        if len(self._held) >= self._limit and not self._is_closing:
            self._room.clear()
        return held

    def has_come_again(self, message: Msg) -> bool:
        """Return whether a message is held already; if so, this delivery is the one to acknowledge."""
        held = self._by_place.get(_place(message))
        if held is None:
            return False
        held.message = message
        self._note(message)
        return True

    def forget(self, held: Held) -> None:
        """Release a message: it was acknowledged, or another copy has it."""
        self._held.pop(held, None)
        if held.message is not None:
            self._by_place.pop(_place(held.message), None)
            if self._notes is not None:
                self._notes.strike(held.message)
        if len(self._held) < self._limit:
            self._room.set()

    def forget_all(self) -> None:
        """Release all messages."""
        for held in list(self._held):
            self.forget(held)

    def messages(self) -> list[Msg]:
        """Return the messages that are held, in the order in which they came."""
        return [held.message for held in self._held if held.message is not None]

    async def beat(self) -> None:
        """Report to JetStream that all of them are in progress."""
        # In stream order: redelivery after a crash follows the order of the heartbeats.
        for message in self.messages():
            await quietly(message.in_progress())
        if self._notes is not None:
            self._notes.beat()

    async def room(self) -> None:
        """Return when there is room for another message."""
        await self._room.wait()

    def stop_waiting(self) -> None:
        """Wake up everything that waits for room."""
        self._is_closing = True
        self._room.set()

    def _note(self, message: Msg) -> None:
        if self._notes is not None:
            self._notes.note(message)


def _place(message: Msg) -> tuple[str, int]:
    """Return where a message is: partitions of the log count from one, each for itself."""
    return message.metadata.stream, message.metadata.sequence.stream


async def quietly(work: Awaitable[object]) -> None:
    """Await something whose failure changes nothing: an unacknowledged message comes again by itself."""
    try:
        await work
    except (NatsError, TimeoutError, OSError) as error:
        log.debug("%r", error)
