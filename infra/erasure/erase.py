"""Erases a session, or all of a user's: first the log gets a record of what stays, then the words are removed.

The order allows the next erasure to find and complete an interrupted one: SessionErased is appended before
anything is removed, and the fact that names the session's user is removed last.
"""

import asyncio
import time

from faststream.nats import NatsBroker

from contracts.answers import Cause, answer
from contracts.events import SessionClosed
from contracts.topology import (
    checked_session,
    event_subject,
    session_subjects,
)
from infra.erasure.elsewhere import erase_dead_letters, erase_recording, erase_sound, erase_tapes, forget_in_caches
from infra.erasure.followed import followed
from infra.erasure.reading import Bearing, StoredSession, recalled_in, session_ids_of, stored_session
from infra.erasure.receipt import Receipt, SessionReceipt, out_of_reach, what_remains
from infra.erasure.skeleton import in_parts
from infra.erasure.stored import overwrite
from infra.log.connection import connection
from infra.log.event_log import ExpectedSequence, StaleWriter, append, now_ns
from infra.log.log_streams import streams_of_log
from infra.projection import projections
from infra.session.behaviour import in_session
from infra.session.index import no_such_session
from infra.settings import settings

SETTLE_S = 10.0
"""How long after a session's end the actors may still append facts about it."""

TAPES_S = 3.0
"""Chunks of tapes are written within 2.5 s."""

ROUNDS = 20
"""How often facts that arrived meanwhile are removed before the session is taken to be in use."""

PROJECTIONS_S = 15.0
"""How long to wait for the projections."""


class UnknownSession(LookupError):
    """The log has nothing of this session or user."""


class SessionStillOpen(RuntimeError):
    """Somebody may still be talking in it."""


class EraseIncomplete(RuntimeError):
    """New words keep arriving; the earlier ones are removed. Erase again."""


async def sessions_of(broker: NatsBroker, user_id: str) -> list[StoredSession]:
    """Return the sessions of a user that the log still has, the oldest first."""
    nc = connection(broker)
    return [await stored_session(nc, session_id) for session_id in await session_ids_of(nc, user_id)]


async def erase_session(
    broker: NatsBroker,
    session_id: str,
    reason: str,
    force: bool = False,
    wait_s: float = PROJECTIONS_S,
    settle_s: float = SETTLE_S,
) -> Receipt:
    """Remove the words of a session permanently; return what was done.

    With `force` an open session is closed first. Raises ValueError for an invalid session id, UnknownSession,
    SessionStillOpen, EraseIncomplete, LogUnavailable, nats errors.
    """
    session = await stored_session(connection(broker), checked_session(session_id))
    if not session.facts:
        raise UnknownSession(await no_such_session(connection(broker), session_id))
    recalled = await recalled_in(connection(broker), session)
    receipt = await _erase(broker, [session], Receipt(reason, session.user_id), force, wait_s, settle_s)
    for other, replies in recalled.items():
        receipt.remains.append(f"what {replies} replies of session {other} recalled of it: erase that session, too")
    return receipt


async def erase_user(
    broker: NatsBroker,
    user_id: str,
    reason: str,
    force: bool = False,
    wait_s: float = PROJECTIONS_S,
    settle_s: float = SETTLE_S,
) -> Receipt:
    """Remove the words of all sessions of a user permanently; return what was done. Raises as `erase_session`."""
    sessions = await sessions_of(broker, user_id)
    if not sessions:
        await forget_in_caches(connection(broker), user_id)
        raise UnknownSession(f"the log has no session of user {user_id!r}: `daredevil sessions` lists those it has")
    return await _erase(broker, sessions, Receipt(reason, user_id), force, wait_s, settle_s)


async def _erase(
    broker: NatsBroker, sessions: list[StoredSession], receipt: Receipt, force: bool, wait_s: float, settle_s: float
) -> Receipt:
    began_s = time.monotonic()
    receipt.began_ns = now_ns()
    await _close(broker, [session for session in sessions if session.is_open], force)
    for session in sessions:
        receipt.sessions.append(await _erase_one(broker, session.session_id, receipt.reason, settle_s))
    if receipt.user_id:
        receipt.caches = await forget_in_caches(connection(broker), receipt.user_id)
    session_ids = [session.session_id for session in sessions]
    for row in projections(settings()):
        receipt.projections[row.name] = await followed(row, settings(), session_ids, wait_s)
    receipt.remains = what_remains(receipt.sessions)
    receipt.out_of_reach = out_of_reach(sessions, settings())
    receipt.took_ms = (time.monotonic() - began_s) * 1e3
    return receipt


async def _close(broker: NatsBroker, still_open: list[StoredSession], force: bool) -> None:
    """Close open sessions if that is allowed: their door then ends the call. Raises SessionStillOpen."""
    if still_open and not force:
        names = ", ".join(session.session_id for session in still_open)
        raise SessionStillOpen(f"still open: {names}. End the call first, or close it with --force")
    for session in still_open:
        await append(
            broker,
            answer(
                Cause(session.session_id),
                SessionClosed,
                time_ns=now_ns(),
                id_from=session.session_id,
                id_name="SessionClosed for erasure",
                reason="erased",
            ),
        )


async def _erase_one(broker: NatsBroker, session_id: str, reason: str, settle_s: float) -> SessionReceipt:
    """Erase a closed session wherever it is stored on NATS."""
    nc = connection(broker)
    session = await _settled(broker, session_id, settle_s)
    receipt = SessionReceipt(session_id, session.opened_ns, session.closed_ns)
    await _erase_facts(broker, session_id, reason, receipt)
    await erase_sound(nc, receipt)
    await erase_recording(nc, receipt)
    await erase_dead_letters(nc, receipt)
    await asyncio.sleep(_tapes_open_s(session, settle_s))
    await erase_tapes(nc, receipt)
    # What arrived meanwhile, and last the fact that names the user.
    session = await _erase_facts(broker, session_id, reason, receipt)
    await _remove(broker, session.bearing, receipt)
    session = await stored_session(nc, session_id)
    receipt.skeleton, receipt.erased_sequence = len(session.in_skeleton), session.last_part_sequence
    return receipt


def _tapes_open_s(session: StoredSession, settle_s: float) -> float:
    """Return for how many s actors may still publish what they took in before the session's end."""
    over_s = (now_ns() - session.closed_ns) / 1e9
    return max(0.0, min(TAPES_S - over_s, settle_s))


async def _settled(broker: NatsBroker, session_id: str, settle_s: float) -> StoredSession:
    """Return the session's state once the actors have appended what they append after its end."""
    until_s = time.monotonic() + settle_s
    while True:
        session = await stored_session(connection(broker), session_id)
        is_done = session.is_summed_up and (
            session.is_recorded or not in_session(settings(), session.profile).record_audio
        )
        is_long_over = now_ns() - session.closed_ns > settle_s * 1e9 or time.monotonic() > until_s
        if is_done or session.parts or is_long_over:
            return session
        await asyncio.sleep(0.2)


async def _erase_facts(broker: NatsBroker, session_id: str, reason: str, receipt: SessionReceipt) -> StoredSession:
    """Remove the facts that contain words, except the opening, until there are none. Raises EraseIncomplete."""
    for _ in range(ROUNDS):
        session = await stored_session(connection(broker), session_id)
        unsaid = [bearing for bearing in session.bearing if bearing.left.sequence not in session.in_skeleton]
        if unsaid:
            try:
                await _append_left(broker, session, unsaid, reason)
            except StaleWriter:
                continue  # somebody else erases it too
        words = [bearing for bearing in session.bearing if not bearing.is_opening]
        if not words:
            return session
        await _remove(broker, words, receipt)
    raise EraseIncomplete(
        f"new words keep arriving in session {session_id}; the earlier ones are removed. Erase it again"
    )


async def _append_left(broker: NatsBroker, session: StoredSession, unsaid: list[Bearing], reason: str) -> None:
    last = session.last_part_sequence
    left = [bearing.left for bearing in unsaid]
    for part in in_parts(session.session_id, left, reason, now_ns(), session.parts):
        last = await append(broker, part, ExpectedSequence(event_subject(session.session_id, type(part)), last))


async def _remove(broker: NatsBroker, facts: list[Bearing], receipt: SessionReceipt) -> None:
    """Overwrite facts that the log lists as erased."""
    nc = connection(broker)
    stream = (await streams_of_log(nc)).of(session_subjects(receipt.session_id))
    await overwrite(nc, stream, [fact.left.sequence for fact in facts])
    for fact in facts:
        receipt.facts[fact.left.event] += 1
        receipt.fact_bytes += fact.size
