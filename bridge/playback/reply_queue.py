"""The replies of a session that are remembered, in the order in which they are to be heard."""

from collections.abc import Iterator

from bridge.playback.reply import Phase, ReplyPlayback
from contracts import events as e

KEPT = 64
"""How many are remembered; those that are over are forgotten first."""


class KnownReplies:
    """What is known of each reply from the facts, including whether it may be heard. Times are Unix epoch ns."""

    def __init__(self) -> None:
        self._replies: dict[str, ReplyPlayback] = {}

    def __iter__(self) -> Iterator[ReplyPlayback]:
        """Iterate over them in order."""
        return iter(self._replies.values())

    def get(self, reply_id: str) -> ReplyPlayback | None:
        """Return a reply if it is known."""
        return self._replies.get(reply_id)

    def of(self, reply_id: str) -> ReplyPlayback:
        """Return a reply; create it if it is new: its sound may arrive before its facts."""
        reply = self._replies.get(reply_id)
        if reply is None:
            reply = self._replies[reply_id] = ReplyPlayback(reply_id)
            forgettable = [r for r in self if r.phase is Phase.OVER or not r.known]
            for old in forgettable[: max(0, len(self._replies) - KEPT)]:
                del self._replies[old.reply_id]
            self._replies[reply_id] = reply
        return reply

    def learn(self, event: e.Event, now_ns: int) -> None:
        """Apply a fact about a reply; others change nothing."""
        match event:
            case e.ReplyStarted():
                # Replies are played in the order of their ReplyStarted, whichever sound came first.
                reply = self.of(event.reply_id)
                self._replies[event.reply_id] = self._replies.pop(event.reply_id)
                reply.known, reply.turn_id = True, event.turn_id
                if not event.draft:
                    reply.give_leave(event.event_id, now_ns)
            case e.ReplyCommitted():
                self.of(event.reply_id).give_leave(event.event_id, now_ns)
            case e.ReplyClauseWritten():
                clause = self.of(event.reply_id).clause(event.index)
                clause.written, clause.written_ns = event, now_ns
            case e.ClauseSynthesized():
                self.of(event.reply_id).learn(event, now_ns)
            case e.ReplyCompleted():
                self.of(event.reply_id).clause_count = event.clauses
            case e.PlaybackStarted():
                self.of(event.reply_id).heard_started = True
            case e.PlaybackPaused():
                reply = self.of(event.reply_id)
                reply.played_samples = max(reply.played_samples, event.played_samples)

    def waiting(self) -> list[ReplyPlayback]:
        """Return those that are not being heard and are not over."""
        return [reply for reply in self if reply.phase is Phase.WAITING]

    def permitted(self) -> Iterator[ReplyPlayback]:
        """Yield the waiting replies that may be heard."""
        return (reply for reply in self.waiting() if reply.may_play and not reply.superseded)

    def next(self) -> ReplyPlayback | None:
        """Return the one that is to be heard next, if it can begin."""
        first = next(self.permitted(), None)
        return first if first is not None and first.can_begin else None

    def release(self, turn_id: str | None) -> None:
        """Allow waiting replies to be played after all: the turn that ended meanwhile was not for the agent."""
        for reply in self.waiting():
            if reply.superseded_by == turn_id:
                reply.superseded_by = None
