"""Erasing a session, or all of a user's: the log first says what is left, then the words go.

The order lets an erasure that was cut short be found and completed by the next one: SessionErased is said before
anything is removed, and the fact that tells whose session it was goes last.
"""

import asyncio
import time

from faststream.nats import NatsBroker

from contracts.events import SessionClosed
from contracts.ids import derive_id
from contracts.topology import VOICE, checked_session
from infra.erasure.elsewhere import erase_dead_letters, erase_recording, erase_sound, forget_in_caches
from infra.erasure.projections import applied_in_postgres
from infra.erasure.reading import Bearing, Standing, recalled_in, session_ids_of, standing_of
from infra.erasure.receipt import Receipt, SessionReceipt, out_of_reach, what_remains
from infra.erasure.skeleton import in_parts
from infra.erasure.stored import overwrite
from infra.log.connection import connection
from infra.log.event_log import Fence, Stale, now_ns, say
from infra.settings import Settings, settings

SETTLE_S = 10.0
"""So long after its end the actors may still say what they kept of a session."""

ROUNDS = 20
"""How often facts that came meanwhile are removed before somebody must be talking on."""

PROJECTIONS_S = 15.0
"""How long the projections are waited for."""


class UnknownSession(LookupError):
    """The log has nothing of this session or user."""


class SessionStillOpen(RuntimeError):
    """Somebody may still be talking in it."""


class EraseIncomplete(RuntimeError):
    """Words keep coming; what was said so far is removed. Erase again."""


async def sessions_of(broker: NatsBroker, user_id: str) -> list[Standing]:
    """Return the sessions of a user that the log still tells of, the oldest first."""
    nc = connection(broker)
    return [await standing_of(nc, session_id) for session_id in await session_ids_of(nc, user_id)]


async def erase_session(
    broker: NatsBroker,
    session_id: str,
    reason: str,
    force: bool = False,
    wait_s: float = PROJECTIONS_S,
    settle_s: float = SETTLE_S,
) -> Receipt:
    """Remove the words of a session for ever; return what was done.

    With `force` an open session is closed first. Raises ValueError for what is no session id, UnknownSession,
    SessionStillOpen, EraseIncomplete, LogUnavailable, nats errors.
    """
    standing = await standing_of(connection(broker), checked_session(session_id))
    if not standing.facts:
        raise UnknownSession(f"the log has no session {session_id}: `daredevil sessions` lists those it has")
    recalled = await recalled_in(connection(broker), standing)
    receipt = await _erase(broker, [standing], Receipt(reason, standing.user_id), force, wait_s, settle_s)
    for other, replies in recalled.items():
        receipt.remains.append(f"what {replies} replies of session {other} had recalled of it: erase that one too")
    return receipt


async def erase_user(
    broker: NatsBroker,
    user_id: str,
    reason: str,
    force: bool = False,
    wait_s: float = PROJECTIONS_S,
    settle_s: float = SETTLE_S,
) -> Receipt:
    """Remove the words of all sessions of a user for ever; return what was done. Raises as `erase_session` does."""
    standings = await sessions_of(broker, user_id)
    if not standings:
        await forget_in_caches(connection(broker), user_id)
        raise UnknownSession(f"the log has no session of user {user_id!r}: `daredevil sessions` shows whose it has")
    return await _erase(broker, standings, Receipt(reason, user_id), force, wait_s, settle_s)


async def _erase(
    broker: NatsBroker, standings: list[Standing], receipt: Receipt, force: bool, wait_s: float, settle_s: float
) -> Receipt:
    began_s = time.monotonic()
    receipt.began_ns = now_ns()
    await _close(broker, [standing for standing in standings if standing.is_open], force)
    for standing in standings:
        receipt.sessions.append(await _erase_one(broker, standing.session_id, receipt.reason, settle_s))
    if receipt.user_id:
        receipt.caches = await forget_in_caches(connection(broker), receipt.user_id)
    session_ids = [standing.session_id for standing in standings]
    receipt.projections["postgres"] = await applied_in_postgres(settings(), session_ids, wait_s)
    receipt.projections["pulsar"] = _pulsar(settings())
    receipt.remains = what_remains(receipt.sessions)
    receipt.out_of_reach = out_of_reach(standings, settings())
    receipt.took_ms = (time.monotonic() - began_s) * 1e3
    return receipt


def _pulsar(settings: Settings) -> str:
    return "a SessionErased event follows there; see out of reach" if settings.pulsar_url else "off"


async def _close(broker: NatsBroker, still_open: list[Standing], force: bool) -> None:
    """Close open sessions if that is wanted: their door ends the call then. Raises SessionStillOpen."""
    if still_open and not force:
        names = ", ".join(standing.session_id for standing in still_open)
        raise SessionStillOpen(f"still open: {names}. End the call first, or close it with --force")
    for standing in still_open:
        await say(
            broker,
            SessionClosed(
                event_id=derive_id(standing.session_id, "SessionClosed for erasure"),
                session_id=standing.session_id,
                time_ns=now_ns(),
                reason="erased",
            ),
        )


async def _erase_one(broker: NatsBroker, session_id: str, reason: str, settle_s: float) -> SessionReceipt:
    """Erase a closed session wherever it is kept on NATS."""
    nc = connection(broker)
    standing = await _settled(broker, session_id, settle_s)
    receipt = SessionReceipt(session_id, standing.opened_ns, standing.closed_ns)
    await _erase_facts(broker, session_id, reason, receipt)
    await erase_sound(nc, receipt)
    await erase_recording(nc, receipt)
    await erase_dead_letters(nc, receipt)
    # What came meanwhile, and at last whose session it was.
    standing = await _erase_facts(broker, session_id, reason, receipt)
    await _remove(broker, standing.bearing, receipt)
    standing = await standing_of(nc, session_id)
    receipt.skeleton, receipt.erased_sequence = len(standing.in_skeleton), standing.last_part_sequence
    return receipt


async def _settled(broker: NatsBroker, session_id: str, settle_s: float) -> Standing:
    """Return how the session stands once the actors have said what they say after its end."""
    until_s = time.monotonic() + settle_s
    while True:
        standing = await standing_of(connection(broker), session_id)
        is_done = standing.is_summed_up and (standing.is_recorded or not settings().record_audio)
        is_long_over = now_ns() - standing.closed_ns > settle_s * 1e9 or time.monotonic() > until_s
        if is_done or standing.parts or is_long_over:
            return standing
        await asyncio.sleep(0.2)


async def _erase_facts(broker: NatsBroker, session_id: str, reason: str, receipt: SessionReceipt) -> Standing:
    """Remove the facts that bear words, except the session's opening, until there are none. Raises EraseIncomplete."""
    for _ in range(ROUNDS):
        standing = await standing_of(connection(broker), session_id)
        unsaid = [bearing for bearing in standing.bearing if bearing.left.sequence not in standing.in_skeleton]
        if unsaid:
            try:
                await _say_left(broker, standing, unsaid, reason)
            except Stale:
                continue  # somebody else erases it too
        words = [bearing for bearing in standing.bearing if not bearing.is_opening]
        if not words:
            return standing
        await _remove(broker, words, receipt)
    raise EraseIncomplete(f"words keep coming into session {session_id}; what was there is removed. Erase it again")


async def _say_left(broker: NatsBroker, standing: Standing, unsaid: list[Bearing], reason: str) -> None:
    last = standing.last_part_sequence
    left = [bearing.left for bearing in unsaid]
    for part in in_parts(standing.session_id, left, reason, now_ns(), standing.parts):
        last = await say(broker, part, Fence(f"voice.{standing.session_id}.session.erased", last))


async def _remove(broker: NatsBroker, facts: list[Bearing], receipt: SessionReceipt) -> None:
    """Overwrite facts of which the log says that they are erased."""
    await overwrite(connection(broker), VOICE, [fact.left.sequence for fact in facts])
    for fact in facts:
        receipt.facts[fact.left.event] += 1
        receipt.fact_bytes += fact.size
