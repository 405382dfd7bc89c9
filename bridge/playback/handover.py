"""How a reply continues when a client returns to it, or when this door follows another one. Pure.

Every method returns what is to be done, in order. Times are Unix epoch ns.
"""

from collections.abc import Sequence

from bridge.playback.commands import Command, Tell
from bridge.playback.course import Count, Course
from bridge.playback.current_reply import CurrentReply, tell
from bridge.playback.floor import DECISION_PATIENCE_NS, Floor
from bridge.playback.reply import Hold, Phase, Playing, ReplyPlayback
from bridge.playback.reply_queue import KnownReplies
from bridge.playback.reports import HeldReply
from contracts import events as e

VANISHED_PATIENCE_MS = 1000
"""How long a returning client may take to report how much it had played."""


class Handover:
    """From one client to the next, and from one door to the next."""

    def __init__(self, current: CurrentReply, replies: KnownReplies, floor: Floor) -> None:
        self._current = current
        self._replies = replies
        self._floor = floor

    # -- from client to client

    def connect(self, held: Sequence[HeldReply] | None, now_ns: int) -> list[Command]:
        """Continue the reply that a returning client has, and stop one that it cannot continue."""
        self._current.connected = True
        out: list[Command] = []
        for each in held or ():
            out += self._go_on(each, now_ns)
        reply = self._current.reply
        if reply is None or reply.phase is not Phase.AWAY:
            return out
        if held is None or reply.stop is not None:
            stop = reply.stop or Hold("", now_ns, "vanished")
            return out + self._current.stop(reply, stop.cause_id, stop.reason, now_ns, VANISHED_PATIENCE_MS)
        reply.resume_at(reply.played_samples)  # the client has nothing of it
        reply.phase, reply.ended_pause, self._current.reply = Phase.WAITING, reply.last_pause, None
        reply.pause = None
        return out

    def disconnect(self, now_ns: int) -> list[Command]:
        """Continue without a client: nothing is sent until there is one again."""
        self._current.connected = False
        reply = self._current.reply
        if reply is None:
            return []
        if reply.phase is Phase.STOPPING and reply.stop is not None:
            return self._current.interrupted(reply, reply.stop, now_ns)
        reply.played_samples, reply.is_counted = reply.estimate(now_ns), False
        reply.phase = Phase.AWAY
        return []

    def _go_on(self, held: HeldReply, now_ns: int) -> list[Command]:
        """Continue a reply from what its client has of it, or stop it there if it is over."""
        current = self._current
        reply = self._replies.get(held.reply_id)
        if reply is not None and current.reply is None and reply.phase is Phase.WAITING and reply.may_play:
            current.reply, reply.phase = reply, Phase.AWAY  # it began, but its door died before it appended that
            if reply.superseded_by is not None:
                reply.stop = Hold(reply.superseded_by, now_ns, "turn-ended")
        if reply is None or reply is not current.reply or reply.phase is not Phase.AWAY:
            return [] if held.ended else [Tell({"type": "stop", "reply_id": held.reply_id})]
        reply.is_at(held.received, held.samples, now_ns)
        out = self._taken_up(reply, held, now_ns)
        if held.ended:
            return out + current.finished(reply, now_ns)
        if reply.stop is not None:
            return out + current.stop(reply, reply.stop.cause_id, reply.stop.reason, now_ns, VANISHED_PATIENCE_MS)
        return out + self._announced_again(reply, now_ns)

    def _announced_again(self, reply: ReplyPlayback, now_ns: int) -> list[Command]:
        rate = {"sample_rate_hz": reply.rate_hz} if reply.rate_hz else {}
        names = {"type": "reply", "reply_id": reply.reply_id, "turn_id": reply.turn_id}
        announced = Tell({**names, **rate, "first_sample": reply.sent_samples})
        speech = self._floor.undecided(now_ns, DECISION_PATIENCE_NS)
        if reply.pause is None and speech is not None and speech.turn_id != reply.turn_id:
            reply.pause = Hold(speech.event_id, now_ns)
        if reply.pause is not None:
            reply.phase = Phase.PAUSED
            return [announced, tell("pause", reply)]
        reply.phase = Phase.PLAYING
        return [announced, tell("resume", reply), *self._current.say_resumed(reply, now_ns)]

    def _taken_up(self, reply: ReplyPlayback, held: HeldReply, now_ns: int) -> list[Command]:
        """Set when it was heard: by its door's event, or by its client's report if that door died before."""
        started_ns = held.started_at(now_ns, reply.rate_hz, reply.leave_ns)
        out: list[Command] = []
        if started_ns is not None:
            reply.told = reply.told or (started_ns, 0)
            out = self._current.say_started(reply, Count(0, started_ns, exact=True), started_ns)
        if reply.course is None:
            reply.course = Course(reply.rate_hz, now_ns)
            if reply.told is not None:
                at_ns, samples = reply.told
                reply.course.go_on(samples, at_ns)
        return out

    # -- from door to door

    def follow(self, event: e.Event) -> None:
        """Adopt the state of the door that appended this event."""
        if not isinstance(event, e.PlaybackStarted | e.PlaybackPaused | e.PlaybackResumed):
            return
        reply = self._replies.of(event.reply_id)
        if reply.phase not in (Phase.WAITING, Phase.PLAYING, Phase.PAUSED):
            return
        if self._current.reply is not None and self._current.reply is not reply:
            self._current.end(self._current.reply)
        self._current.reply, reply.phase, reply.pause = reply, Phase.PLAYING, None
        if not isinstance(event, e.PlaybackPaused):
            reply.told = (event.heard_ns or event.time_ns, event.played_samples)
        else:
            reply.phase, reply.pause = Phase.PAUSED, Hold(event.cause, event.time_ns, said=True)

    def take_over(self, facts: Sequence[e.Event], now_ns: int, playing: Playing | None) -> list[Command]:
        """Make what the other door was playing wait for its client, or for continuing from `playing`."""
        reply = self._current.reply
        if reply is None:
            return []
        if playing is None:
            reply.take_all_as_sent()
            reply.ended_pause = _last_pause(facts, reply) if reply.pause is None else None
            reply.phase = Phase.AWAY
            return []
        left_samples = playing.played_samples if playing.reply_id == reply.reply_id else 0
        reply.resume_at(max(left_samples, reply.played_samples))
        if reply.stop is not None:
            return self._current.interrupted(reply, reply.stop, now_ns)
        reply.phase, reply.ended_pause, self._current.reply = Phase.WAITING, _last_pause(facts, reply), None
        reply.pause = None
        return []


def _last_pause(facts: Sequence[e.Event], reply: ReplyPlayback) -> Hold | None:
    """Return the pause of a reply whose end was not appended, if there is one."""
    kinds = e.PlaybackStarted | e.PlaybackPaused | e.PlaybackResumed
    last = next((f for f in reversed(facts) if isinstance(f, kinds) and f.reply_id == reply.reply_id), None)
    return Hold(last.cause, last.time_ns, said=True) if isinstance(last, e.PlaybackPaused) else None
