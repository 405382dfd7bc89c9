"""Which clauses' sound was lost on its way, and asking synthesis for it again."""

import logging

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from bridge.playback.clause_sound import ClauseSound
from bridge.playback.reply import Phase, ReplyPlayback
from contracts.codec import encode
from contracts.events import ReplyClauseWritten
from contracts.topology import sound_again_subject
from infra.process.tasks import CancelledElsewhere, own_cancellation_only

log = logging.getLogger(__name__)

GAP_PATIENCE_NS = 500_000_000
"""Frames may come this much later than the fact that all of them were published."""

SILENCE_PATIENCE_NS = 5_000_000_000
"""A written clause may stay without sound for this long."""

AGAIN_NS = 1_000_000_000

ASK_TIMEOUT_S = 10

ANSWERED_COST, NOBODY_COST = 5, 1
"""What asking takes of a clause's patience (10): two failures, or ten seconds in which no synthesis is running."""


def clauses_to_ask(reply: ReplyPlayback, now_ns: int) -> list[ReplyClauseWritten]:
    """Return the clauses whose sound is overdue, and mark them as asked for; gives up those asked for in vain."""
    overdue = []
    if not reply.may_play or reply.superseded or reply.phase not in (Phase.WAITING, Phase.PLAYING, Phase.PAUSED):
        return []
    for clause in reply.clauses.values():
        if clause.written is None or clause.complete or clause.skipped or clause.asking:
            continue
        if now_ns < _due_ns(clause, reply):
            continue
        if clause.patience <= 0:
            log.warning("clause %d of reply %s has no sound and is left out", clause.index, reply.reply_id)
            clause.skip()
            continue
        clause.asking = True
        overdue.append(clause.written)
    return overdue


def _due_ns(clause: ClauseSound, reply: ReplyPlayback) -> int:
    if clause.asked_ns:
        return max(clause.asked_ns, clause.last_frame_ns) + AGAIN_NS
    if clause.synthesized is not None:
        return max(clause.synthesized_ns, clause.last_frame_ns, reply.leave_ns) + GAP_PATIENCE_NS
    return max(clause.written_ns, reply.last_sound_ns) + SILENCE_PATIENCE_NS


async def ask_again(nc: Client, clause: ReplyClauseWritten) -> int:
    """Ask synthesis to publish a clause's sound again; return what that takes of the patience with the clause."""
    log.info("session %s: the sound of clause %d is missing; asking again", clause.session_id, clause.index)
    try:
        with own_cancellation_only():
            await nc.request(sound_again_subject(clause.session_id), encode(clause), timeout=ASK_TIMEOUT_S)
    except NoRespondersError:
        return NOBODY_COST
    except (NatsError, TimeoutError, CancelledElsewhere) as error:
        log.debug("asking for a clause: %r", error)
    return ANSWERED_COST
