"""Clauses whose sound was lost on the way and has to be requested again. Pure."""

import logging

from bridge.playback.clause_sound import ClauseSound
from bridge.playback.reply import Phase, ReplyPlayback
from contracts.events import ReplyClauseWritten

log = logging.getLogger(__name__)

GAP_PATIENCE_NS = 500_000_000
"""Frames may arrive this long after the fact that all of them were published."""

SILENCE_PATIENCE_NS = 5_000_000_000
"""A written clause may be without sound for this long."""

AGAIN_NS = 1_000_000_000
"""A clause is requested again after this long."""


def clauses_to_ask(reply: ReplyPlayback, now_ns: int) -> list[ReplyClauseWritten]:
    """Return the clauses whose sound is overdue, marked as requested; those requested in vain are given up."""
    overdue = []
    if not reply.may_play or reply.superseded or reply.phase not in (Phase.WAITING, Phase.PLAYING, Phase.PAUSED):
        return []
    for clause in reply.clauses.values():
        if clause.written is None or clause.complete or clause.skipped or clause.asking:
            continue
        if now_ns < _due_ns(clause, reply):
            continue
        if clause.patience <= 0:
            log.warning(
                "reply %s: synthesis published no sound for clause %d; it is skipped", reply.reply_id, clause.index
            )
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
