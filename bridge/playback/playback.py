"""What one session's listener is played: facts, sound and the client's counts in; commands and facts out.

Pure: no I/O and no clock. Every method returns what is to be done, in order. Times are Unix epoch ns.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bridge.playback.commands import Ask, Command, Say, SendSound, Tell
from bridge.playback.course import Change, Count, Course, PlaybackStopped, WentOn
from bridge.playback.events import PlaybackFacts
from bridge.playback.floor import Floor
from bridge.playback.lost_sound import clauses_to_ask
from bridge.playback.reply import Hold, Phase, Playing, ReplyPlayback
from bridge.playback.reply_queue import KEPT, KnownReplies
from bridge.playback.reports import HeldReply
from bridge.playback.unreported import PATIENCE_NS, unreported
from contracts import events as e
from contracts.audio import OutFrame

DECISION_PATIENCE_NS = 4_000_000_000
"""A pause without a decision ends after this."""

UNFINISHED_PATIENCE_NS = 30_000_000_000
"""How long a reply may stay without its end, or the client without a word of having played it."""

VANISHED_PATIENCE_MS = 1000
"""How long a client that came back may take to say how much it had played."""

_ACTIVE = (Phase.WAITING, Phase.PLAYING, Phase.PAUSED)
_MILESTONES = (e.TurnEnded, e.ReplyStarted, e.ReplyCommitted, e.ReplyClauseWritten, e.ClauseSynthesized)


class Playback:
    """The state machine of one session's playback."""

    def __init__(self, session_id: str) -> None:
        self._facts = PlaybackFacts(session_id)
        self._replies = KnownReplies()
        self._turns: dict[str, list[e.Event]] = {}
        self._floor = Floor()
        self._overheard: deque[str] = deque(maxlen=KEPT)
        """Turns that were spoken over a reply, but not to the agent."""
        self._connected = False
        self._uncounted_patience_ns: int | None = None
        """How long the client may be without a count until it is taken to give none; None: it gives them."""
        self._current: ReplyPlayback | None = None

    def playing(self, now_ns: int) -> Playing | None:
        """Return which reply is being played and how far that is, for a door that may have to go on with it."""
        reply = self._begun
        if reply is None or not reply.heard_started or reply.phase is Phase.STOPPING:
            return None
        return Playing(reply.reply_id, reply.estimate(now_ns))

    @property
    def _begun(self) -> ReplyPlayback | None:
        """The reply that is on its way to the listener, or that another door has left and that goes on soon."""
        return self._current or next((reply for reply in self._replies if reply.was_left), None)

    @property
    def playing_reply_id(self) -> str | None:
        """The reply that is being played or is paused, if any."""
        current = self._current
        return current.reply_id if current and current.phase in (Phase.PLAYING, Phase.PAUSED) else None

    @property
    def stopping(self) -> bool:
        """Whether the client was told to stop and its count is still awaited."""
        return self._current is not None and self._current.phase is Phase.STOPPING

    # -- the client comes and goes

    def connect(self, now_ns: int, held: Sequence[HeldReply] | None = None, counts: bool = True) -> list[Command]:
        """Begin with a client, which may tell what it has of the replies it was being played: they go on from there.

        For one that cannot tell (`None`), what was being played when the last client was lost is stopped and counted.
        One that is not known to count what it plays, and does not, is taken to play what it gets.
        """
        self._connected = True
        self._uncounted_patience_ns = None if counts else PATIENCE_NS
        out: list[Command] = []
        for each in held or ():
            out += self._go_on(each, now_ns)
        current = self._current
        if current is not None and current.phase is Phase.AWAY:
            if held is None or current.stop is not None:
                stop = current.stop or Hold("", now_ns, "vanished")
                out += self._stop(current, stop.cause_id, stop.reason, now_ns, VANISHED_PATIENCE_MS)
            else:  # it has nothing of it
                current.resume_at(current.played_samples)
                current.phase, current.ended_pause, self._current = Phase.WAITING, current.last_pause, None
                current.pause = None
        return out + self._pump(now_ns)

    def _go_on(self, held: HeldReply, now_ns: int) -> list[Command]:
        """Let a reply go on from what its client has of it, or stop it there if it is over."""
        reply = self._replies.get(held.reply_id)
        if reply is not None and self._current is None and reply.phase is Phase.WAITING and reply.may_play:
            self._current, reply.phase = reply, Phase.AWAY  # it began, and its door did not live to say so
            if reply.superseded_by is not None:
                reply.stop = Hold(reply.superseded_by, now_ns, "turn-ended")
        if reply is None or reply is not self._current or reply.phase is not Phase.AWAY:
            return [] if held.ended else [Tell({"type": "stop", "reply_id": held.reply_id})]
        reply.is_at(held.received, held.samples, now_ns)
        out = self._taken_up(reply, held, now_ns)
        if held.ended:
            return out + self._finished(reply, now_ns)
        if reply.stop is not None:
            return out + self._stop(reply, reply.stop.cause_id, reply.stop.reason, now_ns, VANISHED_PATIENCE_MS)
        rate = {"sample_rate_hz": reply.rate_hz} if reply.rate_hz else {}
        names = {"type": "reply", "reply_id": reply.reply_id, "turn_id": reply.turn_id}
        out.append(Tell({**names, **rate, "first_sample": reply.sent_samples}))
        speech = self._floor.undecided(now_ns, DECISION_PATIENCE_NS)
        if reply.pause is None and speech is not None and speech.turn_id != reply.turn_id:
            reply.pause = Hold(speech.event_id, now_ns)
        if reply.pause is not None:
            reply.phase = Phase.PAUSED
            return [*out, _tell("pause", reply)]
        reply.phase = Phase.PLAYING
        return [*out, _tell("resume", reply), *self._say_resumed(reply, now_ns)]

    def _taken_up(self, reply: ReplyPlayback, held: HeldReply, now_ns: int) -> list[Command]:
        """Know when it was heard: as its door said, or as its client does, if that door did not live to."""
        started_ns = held.started_at(now_ns, reply.rate_hz, reply.leave_ns)
        out: list[Command] = []
        if started_ns is not None:
            reply.told = reply.told or (started_ns, 0)
            out = self._say_started(reply, Count(0, started_ns, exact=True), started_ns)
        if reply.course is None:
            reply.course = Course(reply.rate_hz, now_ns)
            if reply.told is not None:
                at_ns, samples = reply.told
                reply.course.go_on(samples, at_ns)
        return out

    def disconnect(self, now_ns: int) -> list[Command]:
        """Go on without a client: nothing is sent until one is there again."""
        self._connected = False
        current = self._current
        if current is None:
            return []
        if current.phase is Phase.STOPPING and current.stop is not None:
            return self._interrupted(current, current.stop, now_ns)
        current.played_samples = current.estimate(now_ns)
        current.phase = Phase.AWAY
        return []

    def close(self, reason: str, now_ns: int) -> list[Command]:
        """End the session: what is being played counts as interrupted."""
        out = self.disconnect(now_ns)
        reply = self._begun
        if reply is not None:
            out += self._interrupted(reply, reply.stop or Hold("", now_ns, reason), now_ns)
        return out

    def replay(self, facts: list[e.Event], now_ns: int, playing: Playing | None = None) -> list[Command]:
        """Take the facts of a session that another door held; return what that one did not live to say.

        What it was playing counts as away, as its client will tell how much it has played. Without a client that
        counts, the other door has left `playing`: it is played on, or from its start if it began after that.
        """
        ended = {fact.reply_id for fact in facts if isinstance(fact, e.PlaybackFinished | e.PlaybackInterrupted)}
        out: list[Command] = []
        for event in facts:
            for command in self.on_fact(event, event.time_ns):
                match command:
                    case Say(e.PlaybackInterrupted(reply_id=reply_id)) if reply_id not in ended:
                        out.append(command)
            self._follow(event)
        current = self._current
        if current is None:
            return out
        if playing is None:
            current.take_all_as_sent()
            current.ended_pause = _last_pause(facts, current) if current.pause is None else None
            current.phase = Phase.AWAY
            return out
        left_samples = playing.played_samples if playing.reply_id == current.reply_id else 0
        current.resume_at(max(left_samples, current.played_samples))
        if current.stop is not None:
            return out + self._interrupted(current, current.stop, now_ns)
        current.phase, current.ended_pause, self._current = Phase.WAITING, _last_pause(facts, current), None
        current.pause = None
        return out

    def _follow(self, event: e.Event) -> None:
        """Be where the door was that said this."""
        if not isinstance(event, e.PlaybackStarted | e.PlaybackPaused | e.PlaybackResumed):
            return
        reply = self._replies.of(event.reply_id)
        if reply.phase not in (Phase.WAITING, Phase.PLAYING, Phase.PAUSED):
            return
        if self._current is not None and self._current is not reply:
            self._end(self._current)
        self._current, reply.phase, reply.pause = reply, Phase.PLAYING, None
        if not isinstance(event, e.PlaybackPaused):
            reply.told = (event.heard_ns or event.time_ns, event.played_samples)
        else:
            reply.phase, reply.pause = Phase.PAUSED, Hold(event.cause, event.time_ns, said=True)

    # -- facts

    def on_fact(self, event: e.Event, now_ns: int) -> list[Command]:
        """Take a fact of the session."""
        self._remember(event)
        self._replies.learn(event, now_ns)
        out = self._decide(event, now_ns)
        self._floor.hear(event, now_ns)
        return out + self._pump(now_ns)

    def _remember(self, event: e.Event) -> None:
        if event.turn_id is not None and isinstance(event, _MILESTONES):
            self._turns.setdefault(event.turn_id, []).append(event)
            while len(self._turns) > KEPT:
                del self._turns[next(iter(self._turns))]

    def _decide(self, event: e.Event, now_ns: int) -> list[Command]:
        match event:
            case e.SpeechStarted():
                return self._on_speech(event, now_ns)
            case e.TurnInterrupted():
                return self.interrupt(event.reply_id, event.event_id, now_ns)
            case e.InterruptionDismissed():
                return self._on_dismissed(event, now_ns)
            case e.TurnEnded():
                return self._on_turn_ended(event, now_ns)
            case e.TurnPassed():
                self._replies.release(event.turn_id)
            case e.ReplyDiscarded():
                reply = self._replies.of(event.reply_id)
                out = self._stop(reply, event.event_id, "discarded", now_ns)
                if reply.phase is Phase.WAITING:
                    self._end(reply)
                return out
            case e.PlaybackFinished() | e.PlaybackInterrupted():
                self._end(self._replies.of(event.reply_id))
        return []

    def _on_speech(self, event: e.SpeechStarted, now_ns: int) -> list[Command]:
        current = self._current
        if current is None or event.turn_id == current.turn_id:
            return []
        if current.pause is not None:
            current.pause.since_ns = now_ns
        if current.phase is not Phase.PLAYING:
            return []
        current.pause = Hold(event.event_id, now_ns, estimate_samples=current.estimate(now_ns))
        current.phase = Phase.PAUSED
        if current.course is not None:
            current.course.hold()
        return [_tell("pause", current)]

    def _on_dismissed(self, event: e.InterruptionDismissed, now_ns: int) -> list[Command]:
        if event.reason == "unaddressed" and event.turn_id is not None:
            self._overheard.append(event.turn_id)
        is_free = self._floor.is_free_after(event.participant_id, event.utterance_id)
        return self._resume(event.event_id, now_ns) if is_free else []

    def _on_turn_ended(self, event: e.TurnEnded, now_ns: int) -> list[Command]:
        out: list[Command] = []
        for reply in self._replies:
            if reply.turn_id == event.turn_id:
                continue
            if reply.is_held or reply.was_left:
                if event.turn_id not in self._overheard:
                    out += self._stop(reply, event.event_id, "turn-ended", now_ns)
            elif reply.phase is Phase.WAITING and reply.known:
                # Reasoning discards it; until that comes it must not begin.
                reply.superseded_by = event.turn_id or event.event_id
        return out

    def interrupt(self, reply_id: str, cause_id: str, now_ns: int) -> list[Command]:
        """Stop a reply for good: the floor was taken; one that waits to be heard never begins."""
        reply = self._replies.of(reply_id)
        if reply.phase is Phase.WAITING and reply.may_play:
            return self._interrupted(reply, Hold(cause_id, now_ns, "barge-in"), now_ns)
        return self._stop(reply, cause_id, "barge-in", now_ns)

    # -- sound

    def on_frame(self, frame: OutFrame, now_ns: int) -> list[Command]:
        """Take a piece of the agent's sound; it is held until its reply may be heard."""
        reply = self._replies.of(frame.reply_id)
        if reply.phase not in (*_ACTIVE, Phase.AWAY):
            return []
        reply.add(frame, now_ns)
        return self._pump(now_ns)

    # -- the client's counts

    def on_report(
        self, reply_id: str, count: Count, now_ns: int, started: bool = False, ended: bool = False
    ) -> list[Command]:
        """Take the client's count, of what this line was played; those of replies that are over are left out."""
        self._uncounted_patience_ns = None
        reply = self._current
        if reply is None or reply.reply_id != reply_id or reply.phase is Phase.AWAY:
            return []
        return self._counted(reply, count, now_ns, started, ended)

    def _counted(
        self, reply: ReplyPlayback, count: Count, now_ns: int, started: bool, ended: bool, estimated: bool = False
    ) -> list[Command]:
        reply.report(count.samples, now_ns)
        count = replace(count, samples=min(count.samples, reply.sent_samples))
        out = self._say_started(reply, count, now_ns, estimated) if started or count.samples > 0 else []
        if reply.heard_started and reply.phase is Phase.PLAYING and reply.course is not None:
            out += self._changed(reply, reply.course.count(count, now_ns), now_ns)
        if ended and reply.end_sent:
            return out + self._finished(reply, now_ns, count) + self._pump(now_ns)
        return out if estimated else out + self.on_tick(now_ns)

    # -- time

    def on_tick(self, now_ns: int) -> list[Command]:
        """Do what is due; call it about every 50 ms."""
        out: list[Command] = []
        reply = self._current
        if reply is not None and reply.phase is Phase.PAUSED and reply.pause is not None:
            if reply.pause.settled(now_ns):
                out += self._say_paused(reply, reply.pause, now_ns)
            if now_ns - reply.pause.since_ns > DECISION_PATIENCE_NS:
                self._floor.release()
                out += self._resume(reply.pause.cause_id, now_ns)
        elif reply is not None and reply.phase is Phase.STOPPING and reply.stop is not None:
            if reply.stop.settled(now_ns):
                out += self._interrupted(reply, reply.stop, now_ns)
        elif reply is not None and reply.phase is Phase.PLAYING:
            out += self._broken_off(reply, now_ns) or self._end_unfinished(reply, now_ns)
        return out + self._pump(now_ns)

    def _broken_off(self, reply: ReplyPlayback, now_ns: int) -> list[Command]:
        """Say of a break what time alone tells, and count for a client that does not."""
        if reply.course is None:
            return []
        changes = reply.course.overdue(
            now_ns, reply.sent_samples, reply.end_sent, counts=self._uncounted_patience_ns is None
        )
        out = self._changed(reply, changes, now_ns)
        if self._uncounted_patience_ns is not None:
            count = unreported(reply, now_ns, self._uncounted_patience_ns)
            if count is not None:
                self._uncounted_patience_ns = 0
                out += self._estimated(reply, count, now_ns)
        return out

    def _estimated(self, reply: ReplyPlayback, count: Count, now_ns: int) -> list[Command]:
        ended = reply.end_sent and count.samples >= reply.sent_samples
        return self._counted(reply, count, now_ns, started=True, ended=ended, estimated=True)

    def repairs(self, now_ns: int) -> list[Command]:
        """Return which clauses synthesis is to be asked for again; those asked for in vain are given up."""
        return [Ask(clause) for reply in self._replies for clause in clauses_to_ask(reply, now_ns)]

    def on_asked(self, reply_id: str, index: int, cost: int, now_ns: int) -> None:
        """Take the outcome of asking for a clause: `cost` is what it takes of the patience with it."""
        reply = self._replies.get(reply_id)
        if reply is not None and index in reply.clauses:
            clause = reply.clauses[index]
            clause.asking, clause.asked_ns = False, now_ns
            clause.patience -= cost

    def _end_unfinished(self, reply: ReplyPlayback, now_ns: int) -> list[Command]:
        quiet_ns = now_ns - max(reply.begun_ns, reply.last_sound_ns, reply.played_at_ns)
        rest_ns = (reply.sent_samples - reply.played_samples) * 1_000_000_000 // max(1, reply.rate_hz)
        if quiet_ns < rest_ns + UNFINISHED_PATIENCE_NS:
            return []
        if reply.heard_started:
            return self._finished(reply, now_ns)
        return [_tell("stop", reply), *self._interrupted(reply, Hold("", now_ns, "not-played"), now_ns)]

    # -- what is done

    def _pump(self, now_ns: int) -> list[Command]:
        out: list[Command] = []
        while self._connected:
            reply = self._current or self._next(now_ns)
            if reply is None or reply.phase not in _ACTIVE:
                break
            if reply.phase is Phase.WAITING:
                out += self._begin(reply, now_ns)
            out += [SendSound(pcm) for pcm in self._sound_of(reply, now_ns)]
            if not reply.all_sent:
                break
            if not reply.end_sent:
                reply.end_sent = True
                out.append(
                    Tell(
                        {
                            "type": "reply_end",
                            "reply_id": reply.reply_id,
                            "samples": reply.sent_samples,
                        }
                    )
                )
            if reply.sent_samples > reply.resumed_at:
                break
            out += self._finished(reply, now_ns)
        return out

    def _sound_of(self, reply: ReplyPlayback, now_ns: int) -> list[bytes]:
        before_samples = reply.sent_samples
        sound = reply.take()
        if sound and reply.course is not None:
            reply.course.sent(before_samples, now_ns)
        return sound

    def _next(self, now_ns: int) -> ReplyPlayback | None:
        return None if self._floor.is_held(now_ns, DECISION_PATIENCE_NS) else self._replies.next()

    def _begin(self, reply: ReplyPlayback, now_ns: int) -> list[Command]:
        reply.phase, reply.begun_ns, reply.played_at_ns = Phase.PLAYING, now_ns, now_ns
        self._current, reply.course = reply, Course(reply.rate_hz, now_ns, reply.resumed_at)
        names = {"type": "reply", "reply_id": reply.reply_id, "turn_id": reply.turn_id}
        first = {"first_sample": reply.resumed_at} if reply.resumed_at else {}
        out: list[Command] = [Tell({**names, "sample_rate_hz": reply.rate_hz, **first})]
        if reply.ended_pause is None and reply.heard_started:
            # Another door had begun it: since then nothing was heard.
            samples = reply.played_samples
            out += self._changed(
                reply, [PlaybackStopped(samples, now_ns, "door"), WentOn(samples, now_ns, now_ns)], now_ns
            )
            reply.course.go_on(samples, now_ns)
        return out + self._say_resumed(reply, now_ns)

    def _say_started(self, reply: ReplyPlayback, count: Count, now_ns: int, estimated: bool = False) -> list[Command]:
        if reply.heard_started:
            return []
        reply.heard_started = True
        first = reply.course.possible(count) if reply.course is not None else count
        return [Say(self._facts.started(reply, self._turns.get(reply.turn_id or "", ()), first, now_ns, estimated))]

    def _say_resumed(self, reply: ReplyPlayback, now_ns: int) -> list[Command]:
        pause, reply.ended_pause = reply.ended_pause, None
        if pause is None:
            return []
        if reply.course is not None:
            reply.course.go_on(reply.played_samples, now_ns)
        return [Say(self._facts.resumed(reply, pause, pause.cause_id, now_ns))]

    def _changed(self, reply: ReplyPlayback, changes: Iterable[Change], now_ns: int) -> list[Command]:
        return [Say(self._facts.changed(reply, change, now_ns)) for change in changes]

    def _stop(
        self, reply: ReplyPlayback, cause_id: str, reason: str, now_ns: int, patience_ms: int = 300
    ) -> list[Command]:
        out: list[Command] = []
        if reply.was_left:
            return self._interrupted(reply, Hold(cause_id, now_ns, reason), now_ns)
        if reply.phase not in (Phase.PLAYING, Phase.PAUSED, Phase.AWAY):
            return []
        if reply.phase is Phase.AWAY and not self._connected:
            reply.stop = reply.stop or Hold(cause_id, now_ns, reason)  # its client will say how far it got
            return []
        if reply.pause is not None and reply.is_held:
            out += self._say_paused(reply, reply.pause, now_ns)
        still = reply.phase is not Phase.PLAYING
        estimate = reply.played_samples if still else reply.estimate(now_ns)
        reply.stop = Hold(cause_id, now_ns, reason, patience_ms, estimate)
        reply.phase = Phase.STOPPING
        reply.drop_sound()
        return [_tell("stop", reply), *out]

    def _resume(self, cause_id: str, now_ns: int) -> list[Command]:
        reply = self._current
        if reply is None or not reply.is_held or reply.pause is None:
            return []
        pause = reply.pause
        out = self._say_paused(reply, pause, now_ns)
        if reply.phase is Phase.AWAY:
            reply.pause, reply.ended_pause = None, pause
            return out
        reply.phase, reply.pause, reply.played_at_ns = Phase.PLAYING, None, now_ns
        if reply.course is not None:
            reply.course.go_on(reply.played_samples, now_ns)
        return [_tell("resume", reply), *out, Say(self._facts.resumed(reply, pause, cause_id, now_ns))]

    def _say_paused(self, reply: ReplyPlayback, pause: Hold, now_ns: int) -> list[Command]:
        if pause.said:
            return []
        pause.said = True
        if pause.answered_ns is None:
            reply.played_samples = max(reply.played_samples, pause.estimate_samples)
        return [Say(self._facts.paused(reply, pause, now_ns))]

    def _interrupted(self, reply: ReplyPlayback, stop: Hold, now_ns: int) -> list[Command]:
        played = reply.played_samples
        if stop.answered_ns is None:
            played = max(played, stop.estimate_samples)
        event = self._facts.interrupted(reply, stop, played, now_ns)
        self._end(reply)
        return [Say(event)]

    def _finished(self, reply: ReplyPlayback, now_ns: int, count: Count | None = None) -> list[Command]:
        event = self._facts.finished(reply, now_ns, count.at_ns if count is not None and count.exact else None)
        self._end(reply)
        return [Say(event)]

    def _end(self, reply: ReplyPlayback) -> None:
        reply.phase = Phase.OVER
        reply.drop_sound()
        if self._current is reply:
            self._current = None


def _tell(kind: str, reply: ReplyPlayback) -> Command:
    return Tell({"type": kind, "reply_id": reply.reply_id})


def _last_pause(facts: list[e.Event], reply: ReplyPlayback) -> Hold | None:
    """Return the pause of a reply that was not said to have ended, if there is one."""
    kinds = e.PlaybackStarted | e.PlaybackPaused | e.PlaybackResumed
    last = next((f for f in reversed(facts) if isinstance(f, kinds) and f.reply_id == reply.reply_id), None)
    return Hold(last.cause, last.time_ns, said=True) if isinstance(last, e.PlaybackPaused) else None
