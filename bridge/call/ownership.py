"""Which process holds a session: asking for its release, finding sessions without a holder, answering as the holder."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from bridge.call.tasks import Tasks
from contracts.requests import BadRequest, reason_of_end, refusal
from contracts.topology import claim_subject, end_subject, held_subject
from infra.process.tasks import CancelledElsewhere, own_cancellation_only
from infra.session.index import newest_sessions

log = logging.getLogger(__name__)

CLAIM_TIMEOUT_S = 2.0
LOOKED_THROUGH = 5_000
"""How many of the newest sessions are searched for orphans."""
ANSWER_TIMEOUT_S = 2.0

Subscriptions = tuple[tuple[str, Callable[[Msg], Awaitable[None]]], ...]


async def claim(nc: Client, session_id: str, timeout_s: float = CLAIM_TIMEOUT_S) -> None:
    """Make another door that holds the session release it; a door that does not answer is assumed dead."""
    try:
        await nc.request(claim_subject(session_id), timeout=timeout_s)
    except (NoRespondersError, TimeoutError) as error:
        log.debug("claim of %s: %r", session_id, error)


async def is_held(nc: Client, session_id: str, timeout_s: float) -> bool:
    """Return whether a process holds a session. Raises TimeoutError if its holder does not answer, nats errors."""
    try:
        await nc.request(held_subject(session_id), timeout=timeout_s)
    except NoRespondersError:
        return False
    return True


async def orphans(nc: Client, door: str) -> AsyncIterator[str]:
    """Yield the open sessions of a door that no process holds. Raises nats errors."""
    async for listed in newest_sessions(nc, LOOKED_THROUGH):
        is_open = not listed.closed and not listed.erased
        if is_open and listed.event.door == door and not await may_be_held(nc, listed.event.session_id):
            yield listed.event.session_id


async def may_be_held(nc: Client, session_id: str) -> bool:
    """Return whether a process holds a session, or may: one that does not answer in time. Raises nats errors."""
    try:
        return await is_held(nc, session_id, ANSWER_TIMEOUT_S)
    except TimeoutError:
        log.debug("the holder of %s did not answer in time", session_id)
        return True


class Holder:
    """Answers requests to the holder of a session: whether it holds it, to release it, and to end it.

    `give_up` returns when the session is released; `hang_up` takes the reason and returns when the end is stored.
    """

    def __init__(
        self,
        session_id: str,
        tasks: Tasks,
        give_up: Callable[[], Awaitable[None]],
        hang_up: Callable[[str], Awaitable[None]],
    ) -> None:
        self._session_id = session_id
        self._tasks = tasks
        self._give_up = give_up
        self._hang_up = hang_up
        self._claimed: asyncio.Task[None] | None = None

    @property
    def subscriptions(self) -> Subscriptions:
        """The subjects of the requests, and their handlers."""
        return (
            (claim_subject(self._session_id), self._on_claim),
            (end_subject(self._session_id), self._on_end),
            (held_subject(self._session_id), _respond),
        )

    async def _on_claim(self, message: Msg) -> None:
        # Neither in this callback nor in a task of the call: releasing the session ends both.
        if self._claimed is None:
            self._claimed = asyncio.create_task(self._give_up_for(message), name=f"giving up {self._session_id}")

    async def _give_up_for(self, message: Msg) -> None:
        log.info("session %s continues at another door", self._session_id)
        try:
            with own_cancellation_only():
                await self._give_up()
                await message.respond(b"")
        except (CancelledElsewhere, NatsError) as error:
            log.error("%s: a request to its holder could not be answered: %s", self._session_id, error)

    async def _on_end(self, message: Msg) -> None:
        self._tasks.own(self._end_for(message), "ended from outside")

    async def _end_for(self, message: Msg) -> None:
        try:
            reason = reason_of_end(message.data)
        except BadRequest as error:
            await message.respond(refusal("bad-request", str(error)))
            return
        log.info("session %s is ended from outside: %s", self._session_id, reason)
        await self._hang_up(reason)
        await message.respond(b"")


async def _respond(message: Msg) -> None:
    await message.respond(b"")
