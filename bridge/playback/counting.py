"""The client's counts of the reply being played, and what follows from time alone where it sends none. Pure.

Every method returns what is to be done, in order. Times are Unix epoch ns.
"""

from dataclasses import replace

from bridge.playback.commands import Command
from bridge.playback.course import Count
from bridge.playback.current_reply import CurrentReply, tell
from bridge.playback.reply import Hold, Phase, ReplyPlayback
from bridge.playback.unreported import PATIENCE_NS, unreported

UNFINISHED_PATIENCE_NS = 30_000_000_000
"""How long a reply may stay without its end, or without the client's report that it was played."""


COUNTS_NS = 150_000_000
"""A client that counts does so about every 100 ms; while its last count is no older, time alone leads to nothing."""


class Counting:
    """The counts of one client after another."""

    def __init__(self, current: CurrentReply) -> None:
        self._current = current
        self._uncounted_patience_ns: int | None = None
        """How long the client may send no count until it is assumed to send none; None: it is known to send them."""
        self._came_ns = 0
        """When its last count came."""

    def is_recent(self, now_ns: int) -> bool:
        """Return whether the client has just counted; what was due then was done then."""
        return now_ns - self._came_ns < COUNTS_NS

    @property
    def is_certain(self) -> bool:
        """Whether the client is known to count."""
        return self._uncounted_patience_ns is None

    def hear(self, now_ns: int) -> None:
        """Note that the client counts."""
        self._uncounted_patience_ns = None
        self._came_ns = now_ns

    def begin(self, counts: bool) -> None:
        """Start with a client. If `counts` is false and it sends no count, it is assumed to play all it gets."""
        self._uncounted_patience_ns = None if counts else PATIENCE_NS
        self._came_ns = 0

    def take(self, reply_id: str, count: Count, now_ns: int, started: bool, ended: bool) -> list[Command] | None:
        """Process the client's count; return None if its reply is over or not on this client's line."""
        self._uncounted_patience_ns = None
        reply = self._current.reply
        if reply is None or reply.reply_id != reply_id or reply.phase is Phase.AWAY:
            return None
        self._came_ns = now_ns
        return self._counted(reply, count, now_ns, started, ended)

    def overdue(self, reply: ReplyPlayback, now_ns: int) -> list[Command]:
        """Do what follows from time alone for the reply being played."""
        return self._broken_off(reply, now_ns) or self._end_unfinished(reply, now_ns)

    def _counted(
        self, reply: ReplyPlayback, count: Count, now_ns: int, started: bool, ended: bool, estimated: bool = False
    ) -> list[Command]:
        reply.report(count.samples, now_ns)
        reply.is_counted = not estimated
        count = replace(count, samples=min(count.samples, reply.sent_samples))
        is_heard = started or count.samples > 0
        out = self._current.say_started(reply, count, now_ns, estimated) if is_heard else []
        if reply.heard_started and reply.phase is Phase.PLAYING and reply.course is not None:
            out += self._current.say_changes(reply, reply.course.count(count, now_ns), now_ns)
        if ended and reply.end_sent:
            out += self._current.finished(reply, now_ns, count)
        return out

    def _broken_off(self, reply: ReplyPlayback, now_ns: int) -> list[Command]:
        """Report a break that follows from time alone, and count for a client that does not."""
        if reply.course is None:
            return []
        counts = self._uncounted_patience_ns is None
        changes = reply.course.overdue(now_ns, reply.sent_samples, reply.end_sent, counts=counts)
        out = self._current.say_changes(reply, changes, now_ns)
        if self._uncounted_patience_ns is not None:
            count = unreported(reply, now_ns, self._uncounted_patience_ns)
            if count is not None:
                self._uncounted_patience_ns = 0
                ended = reply.end_sent and count.samples >= reply.sent_samples
                out += self._counted(reply, count, now_ns, started=True, ended=ended, estimated=True)
        return out

    def _end_unfinished(self, reply: ReplyPlayback, now_ns: int) -> list[Command]:
        quiet_ns = now_ns - max(reply.begun_ns, reply.last_sound_ns, reply.played_at_ns)
        rest_ns = (reply.sent_samples - reply.played_samples) * 1_000_000_000 // max(1, reply.rate_hz)
        if quiet_ns < rest_ns + UNFINISHED_PATIENCE_NS:
            return []
        if reply.heard_started:
            return self._current.finished(reply, now_ns)
        stop = Hold("", now_ns, "not-played")
        return [tell("stop", reply), *self._current.interrupted(reply, stop, now_ns)]
