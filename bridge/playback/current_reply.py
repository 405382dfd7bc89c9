"""The reply that is on its way to the listener: it is begun, paused, resumed, cut off and ended. Pure.

Every method returns what is to be done, in order. Times are Unix epoch ns.
"""

from collections.abc import Iterable

from bridge.playback.commands import Command, Say, Tell
from bridge.playback.course import Change, Count, Course, PlaybackStopped, WentOn
from bridge.playback.events import PlaybackFacts
from bridge.playback.reply import Hold, Phase, ReplyPlayback
from bridge.playback.reply_queue import KEPT
from contracts import events as e

_MILESTONES = (
    e.UtteranceTranscribed,
    e.TurnEnded,
    e.ReplyStarted,
    e.ReplyCommitted,
    e.ReplyClauseWritten,
    e.ClauseSynthesized,
)


class CurrentReply:
    """At most one `reply` at a time; `connected` while there is a client to send to."""

    def __init__(self, session_id: str) -> None:
        self.reply: ReplyPlayback | None = None
        self.connected = False
        self._facts = PlaybackFacts(session_id)
        self._turns: dict[str, list[e.Event]] = {}
        """The facts of each turn from which the parts of the response gap are computed."""

    def remember(self, event: e.Event) -> None:
        """Keep a fact from which the parts of the response gap are computed."""
        is_settled = isinstance(event, e.TranscriptRevised) and event.settled
        if event.turn_id is not None and (is_settled or isinstance(event, _MILESTONES)):
            self._turns.setdefault(event.turn_id, []).append(event)
            while len(self._turns) > KEPT:
                del self._turns[next(iter(self._turns))]

    # -- it begins

    def begin(self, reply: ReplyPlayback, now_ns: int) -> list[Command]:
        """Announce a reply to the client; its sound follows."""
        reply.phase, reply.begun_ns, reply.played_at_ns = Phase.PLAYING, now_ns, now_ns
        self.reply, reply.course = reply, Course(reply.rate_hz, now_ns, reply.resumed_at)
        names = {"type": "reply", "reply_id": reply.reply_id, "turn_id": reply.turn_id}
        first = {"first_sample": reply.resumed_at} if reply.resumed_at else {}
        out: list[Command] = [Tell({**names, "sample_rate_hz": reply.rate_hz, **first})]
        if reply.ended_pause is None and reply.heard_started:
            # Another door had begun it; nothing was heard since.
            samples = reply.played_samples
            changes: list[Change] = [PlaybackStopped(samples, now_ns, "door"), WentOn(samples, now_ns, now_ns)]
            out += self.say_changes(reply, changes, now_ns)
            reply.course.go_on(samples, now_ns)
        return out + self.say_resumed(reply, now_ns)

    def say_started(self, reply: ReplyPlayback, count: Count, now_ns: int, estimated: bool = False) -> list[Command]:
        """Append that its first sound was heard, unless that was done."""
        if reply.heard_started:
            return []
        reply.heard_started = True
        first = reply.course.possible(count) if reply.course is not None else count
        return [Say(self._facts.started(reply, self._turns.get(reply.turn_id or "", ()), first, now_ns, estimated))]

    def say_changes(self, reply: ReplyPlayback, changes: Iterable[Change], now_ns: int) -> list[Command]:
        """Append where playback stalled on its own, and where it continued."""
        return [Say(self._facts.changed(reply, change, now_ns)) for change in changes]

    # -- it is paused

    def pause(self, reply: ReplyPlayback, cause_id: str, now_ns: int) -> list[Command]:
        """Pause it while somebody speaks; the event is appended once the client has reported where."""
        reply.pause = Hold(cause_id, now_ns, estimate_samples=reply.estimate(now_ns))
        reply.phase = Phase.PAUSED
        if reply.course is not None:
            reply.course.hold()
        return [tell("pause", reply)]

    def say_paused(self, reply: ReplyPlayback, pause: Hold, now_ns: int) -> list[Command]:
        """Append where it was paused, unless that was done."""
        if pause.said:
            return []
        pause.said = True
        if pause.answered_ns is None and pause.estimate_samples > reply.played_samples:
            reply.played_samples, reply.is_counted = pause.estimate_samples, False
        return [Say(self._facts.paused(reply, pause, now_ns))]

    def resume(self, cause_id: str, now_ns: int) -> list[Command]:
        """Resume it if it is paused; without a client, as soon as there is one."""
        reply = self.reply
        if reply is None or not reply.is_held or reply.pause is None:
            return []
        pause = reply.pause
        out = self.say_paused(reply, pause, now_ns)
        if reply.phase is Phase.AWAY:
            reply.pause, reply.ended_pause = None, pause
            return out
        reply.phase, reply.pause, reply.played_at_ns = Phase.PLAYING, None, now_ns
        if reply.course is not None:
            reply.course.go_on(reply.played_samples, now_ns)
        return [tell("resume", reply), *out, Say(self._facts.resumed(reply, pause, cause_id, now_ns))]

    def say_resumed(self, reply: ReplyPlayback, now_ns: int) -> list[Command]:
        """Append the end of a pause that ended while there was no client."""
        pause, reply.ended_pause = reply.ended_pause, None
        if pause is None:
            return []
        if reply.course is not None:
            reply.course.go_on(reply.played_samples, now_ns)
        return [Say(self._facts.resumed(reply, pause, pause.cause_id, now_ns))]

    # -- it ends

    def stop(
        self, reply: ReplyPlayback, cause_id: str, reason: str, now_ns: int, patience_ms: int = 300
    ) -> list[Command]:
        """Stop it for good; what was heard is appended once the client has reported, or after `patience_ms`."""
        out: list[Command] = []
        if reply.was_left:
            return self.interrupted(reply, Hold(cause_id, now_ns, reason), now_ns)
        if reply.phase not in (Phase.PLAYING, Phase.PAUSED, Phase.AWAY):
            return []
        if reply.phase is Phase.AWAY and not self.connected:
            reply.stop = reply.stop or Hold(cause_id, now_ns, reason)  # its client will report how far it got
            return []
        if reply.pause is not None and reply.is_held:
            out += self.say_paused(reply, reply.pause, now_ns)
        still = reply.phase is not Phase.PLAYING
        estimate = reply.played_samples if still else reply.estimate(now_ns)
        reply.stop = Hold(cause_id, now_ns, reason, patience_ms, estimate)
        reply.phase = Phase.STOPPING
        reply.drop_sound()
        return [tell("stop", reply), *out]

    def interrupted(self, reply: ReplyPlayback, stop: Hold, now_ns: int) -> list[Command]:
        """Append how much of it was heard before it was cut off."""
        played = reply.played_samples
        if stop.answered_ns is None and stop.estimate_samples > played:
            played, reply.is_counted = stop.estimate_samples, False
        event = self._facts.interrupted(reply, stop, played, now_ns)
        self.end(reply)
        return [Say(event)]

    def finished(self, reply: ReplyPlayback, now_ns: int, count: Count | None = None) -> list[Command]:
        """Append that it was heard to its end."""
        reply.is_counted = reply.is_counted and count is not None
        event = self._facts.finished(reply, now_ns, count.at_ns if count is not None and count.exact else None)
        self.end(reply)
        return [Say(event)]

    def end(self, reply: ReplyPlayback) -> None:
        """Drop the unsent rest of a reply that is over."""
        reply.phase = Phase.OVER
        reply.drop_sound()
        if self.reply is reply:
            self.reply = None


def tell(kind: str, reply: ReplyPlayback) -> Command:
    """Return the message `kind` (pause, resume or stop) about a reply."""
    return Tell({"type": kind, "reply_id": reply.reply_id})
