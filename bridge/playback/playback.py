"""What is played to one session's listener: facts, sound and the client's counts in; commands and facts out.

Pure: no I/O and no clock. Every method returns what is to be done, in order. Times are Unix epoch ns.
"""

from collections import deque
from collections.abc import Sequence

from bridge.playback.commands import Ask, Command, Say, SendSound, Tell
from bridge.playback.counting import Counting
from bridge.playback.course import Count
from bridge.playback.current_reply import CurrentReply
from bridge.playback.floor import DECISION_PATIENCE_NS, Floor
from bridge.playback.handover import Handover
from bridge.playback.left_opener import LeftOpener
from bridge.playback.lost_sound import clauses_to_ask
from bridge.playback.opener import OpenerPlayer
from bridge.playback.reply import Hold, Phase, Playing, ReplyPlayback
from bridge.playback.reply_queue import KEPT, KnownReplies
from bridge.playback.reports import HeldReply
from contracts import events as e
from contracts.audio import OutFrame

_ACTIVE = (Phase.WAITING, Phase.PLAYING, Phase.PAUSED)


class Playback:
    """The state machine of one session's playback."""

    def __init__(self, session_id: str) -> None:
        self._replies = KnownReplies()
        self._floor = Floor()
        self._current = CurrentReply(session_id)
        self._counting = Counting(self._current)
        self._opener = OpenerPlayer()
        self._left_opener = LeftOpener()
        self._handover = Handover(self._current, self._replies, self._floor)
        self._overheard: deque[str] = deque(maxlen=KEPT)
        """Turns that were spoken over a reply, but not to the agent."""

    def playing(self, now_ns: int) -> Playing | None:
        """Return which reply or opener is being played and how far, for a door that may have to go on from there."""
        if (opener := self._opener.playing(now_ns)) is not None:
            return opener
        reply = self._begun
        if reply is None or not reply.heard_started or reply.phase is Phase.STOPPING:
            return None
        return Playing(reply.reply_id, reply.estimate(now_ns))

    @property
    def _is_free(self) -> bool:
        """Whether there is a client, and no reply is on its way to it."""
        return self._current.connected and self._current.reply is None

    @property
    def _begun(self) -> ReplyPlayback | None:
        """The reply that is on its way to the listener, or that another door has left and that continues soon."""
        return self._current.reply or next((reply for reply in self._replies if reply.was_left), None)

    @property
    def playing_reply_id(self) -> str | None:
        """The reply that is being played or is paused, if any."""
        reply = self._current.reply
        return reply.reply_id if reply and reply.phase in (Phase.PLAYING, Phase.PAUSED) else None

    @property
    def stopping(self) -> bool:
        """Whether the client was sent a stop and its count is still awaited."""
        return self._current.reply is not None and self._current.reply.phase is Phase.STOPPING

    def waits(self, now_ns: int) -> bool:
        """Return whether anything may follow from time alone; else `on_tick` and `repairs` do nothing now."""
        reply = self._current.reply
        if self._opener.waits or (reply is not None and reply.phase in (Phase.PAUSED, Phase.STOPPING)):
            return True
        is_playing = reply is not None and reply.phase is Phase.PLAYING
        if reply is not None and is_playing and (reply.lacks_sound or not self._counting.is_recent(now_ns)):
            return True
        return any(True for _ in self._replies.permitted())

    # -- clients and doors change

    def connect(self, now_ns: int, held: Sequence[HeldReply] | None = None, counts: bool = True) -> list[Command]:
        """Start with a client, which may report what it has of the replies it was playing: they continue from there.

        For one that cannot report (`None`), what was being played when the last client was lost is stopped and counted.
        One that is not known to count, and sends no counts, is assumed to play what it gets.
        """
        self._counting.begin(counts)
        left = self._left_opener.connect(held or (), now_ns)
        return left + self._handover.connect(held, now_ns) + self._pump(now_ns)

    def disconnect(self, now_ns: int) -> list[Command]:
        """Go on without a client: nothing is sent until one is there again."""
        return self._opener.break_off(now_ns, self._counting.is_certain) + self._handover.disconnect(now_ns)

    def close(self, reason: str, now_ns: int) -> list[Command]:
        """End the session: what is being played counts as interrupted."""
        out = self.disconnect(now_ns)
        reply = self._begun
        if reply is not None:
            out += self._current.interrupted(reply, reply.stop or Hold("", now_ns, reason), now_ns)
        return out

    def replay(self, facts: list[e.Event], now_ns: int, playing: Playing | None = None) -> list[Command]:
        """Apply the facts of a session that another door held; return what that door died too early to append.

        What it was playing counts as away, as its client will report how much it has played. Without a client that
        counts, the other door has left `playing`: playback continues there, or at the start of a later reply. An
        opener is not continued; what was heard of it is told.
        """
        ended = {fact.reply_id for fact in facts if isinstance(fact, e.PlaybackFinished | e.PlaybackInterrupted)}
        out: list[Command] = []
        for event in facts:
            for command in self.on_fact(event, event.time_ns):
                match command:
                    case Say(e.PlaybackInterrupted(reply_id=reply_id)) if reply_id not in ended:
                        out.append(command)
            self._handover.follow(event)
        self._opener.forget()
        out += self._left_opener.follow(facts, playing, now_ns)
        return out + self._handover.take_over(facts, now_ns, playing)

    # -- facts

    def on_fact(self, event: e.Event, now_ns: int) -> list[Command]:
        """Apply a fact of the session."""
        self._current.remember(event)
        self._replies.learn(event, now_ns)
        out = self._opener.on_fact(event, now_ns, self._is_free, self._counting.is_certain)
        out += self._decide(event, now_ns)
        self._floor.hear(event, now_ns)
        return out + self._pump(now_ns)

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
                out = self._current.stop(reply, event.event_id, "discarded", now_ns)
                if reply.phase is Phase.WAITING:
                    self._current.end(reply)
                return out
            case e.PlaybackFinished() | e.PlaybackInterrupted():
                self._current.end(self._replies.of(event.reply_id))
        return []

    def _on_speech(self, event: e.SpeechStarted, now_ns: int) -> list[Command]:
        reply = self._current.reply
        if reply is None or event.turn_id == reply.turn_id:
            return []
        if reply.pause is not None:
            reply.pause.since_ns = now_ns
        return self._current.pause(reply, event.event_id, now_ns) if reply.phase is Phase.PLAYING else []

    def _on_dismissed(self, event: e.InterruptionDismissed, now_ns: int) -> list[Command]:
        if event.reason == "unaddressed" and event.turn_id is not None:
            self._overheard.append(event.turn_id)
        is_free = self._floor.is_free_after(event.participant_id, event.utterance_id)
        return self._current.resume(event.event_id, now_ns) if is_free else []

    def _on_turn_ended(self, event: e.TurnEnded, now_ns: int) -> list[Command]:
        out: list[Command] = []
        for reply in self._replies:
            if reply.turn_id == event.turn_id:
                continue
            if reply.is_held or reply.was_left:
                if event.turn_id not in self._overheard:
                    out += self._current.stop(reply, event.event_id, "turn-ended", now_ns)
            elif reply.phase is Phase.WAITING and reply.known:
                # Reasoning discards it; until that event arrives it must not begin.
                reply.superseded_by = event.turn_id or event.event_id
        return out

    def interrupt(self, reply_id: str, cause_id: str, now_ns: int) -> list[Command]:
        """Stop a reply for good: the floor was taken. One that waits to be heard never begins."""
        reply = self._replies.of(reply_id)
        if reply.phase is Phase.WAITING and reply.may_play:
            return self._current.interrupted(reply, Hold(cause_id, now_ns, "barge-in"), now_ns)
        return self._current.stop(reply, cause_id, "barge-in", now_ns)

    # -- sound

    def on_frame(self, frame: OutFrame, now_ns: int) -> list[Command]:
        """Add a piece of the agent's sound; it is held until its reply may be heard."""
        if self._opener.owns(frame.reply_id):
            return self._opener.on_frame(frame, now_ns, self._is_free)
        reply = self._replies.of(frame.reply_id)
        if reply.phase not in (*_ACTIVE, Phase.AWAY):
            return []
        reply.add(frame, now_ns)
        return self._pump(now_ns)

    def repairs(self, now_ns: int) -> list[Command]:
        """Return the clauses to request from synthesis again; those requested in vain are given up."""
        return [Ask(clause) for reply in self._replies for clause in clauses_to_ask(reply, now_ns)]

    def on_asked(self, reply_id: str, index: int, cost: int, now_ns: int) -> None:
        """Record that a clause was requested: `cost` is deducted from the patience with it."""
        reply = self._replies.get(reply_id)
        if reply is not None and index in reply.clauses:
            clause = reply.clauses[index]
            clause.asking, clause.asked_ns = False, now_ns
            clause.patience -= cost

    # -- counts and time

    def on_report(
        self, reply_id: str, count: Count, now_ns: int, started: bool = False, ended: bool = False
    ) -> list[Command]:
        """Process the client's count for this line; counts of replies that are over are ignored."""
        if self._opener.owns(reply_id):
            self._counting.hear(now_ns)
            return self._opener.on_report(count, now_ns, started, ended) + self._pump(now_ns)
        counted = self._counting.take(reply_id, count, now_ns, started, ended)
        return [] if counted is None else counted + self._due(now_ns)

    def on_tick(self, now_ns: int) -> list[Command]:
        """Do what is due; call it about every 50 ms while it `waits`."""
        reply = self._current.reply
        if reply is not None and reply.phase is Phase.PLAYING and self._counting.is_recent(now_ns):
            return self._pump(now_ns)
        return self._due(now_ns)

    def _due(self, now_ns: int) -> list[Command]:
        out = self._opener.due(now_ns, self._counting.is_certain)
        reply = self._current.reply
        if reply is not None and reply.phase is Phase.PAUSED and reply.pause is not None:
            if reply.pause.settled(now_ns):
                out += self._current.say_paused(reply, reply.pause, now_ns)
            if now_ns - reply.pause.since_ns > DECISION_PATIENCE_NS:
                self._floor.release()
                out += self._current.resume(reply.pause.cause_id, now_ns)
        elif reply is not None and reply.phase is Phase.STOPPING and reply.stop is not None:
            if reply.stop.settled(now_ns):
                out += self._current.interrupted(reply, reply.stop, now_ns)
        elif reply is not None and reply.phase is Phase.PLAYING:
            out += self._counting.overdue(reply, now_ns)
        return out + self._pump(now_ns)

    # -- what can be heard now

    def _pump(self, now_ns: int) -> list[Command]:
        """Begin the reply that may begin, and send the sound that it has."""
        out: list[Command] = []
        while self._current.connected and not self._opener.is_heard:
            reply = self._current.reply or self._next(now_ns)
            if reply is None or reply.phase not in _ACTIVE:
                break
            if reply.phase is Phase.WAITING:
                out += self._current.begin(reply, now_ns)
            out += [SendSound(pcm) for pcm in _sound_of(reply, now_ns)]
            if not reply.all_sent:
                break
            if not reply.end_sent:
                reply.end_sent = True
                out.append(Tell({"type": "reply_end", "reply_id": reply.reply_id, "samples": reply.sent_samples}))
            if reply.sent_samples > reply.resumed_at:
                break
            out += self._current.finished(reply, now_ns)
        return out

    def _next(self, now_ns: int) -> ReplyPlayback | None:
        return None if self._floor.is_held(now_ns, DECISION_PATIENCE_NS) else self._replies.next()


def _sound_of(reply: ReplyPlayback, now_ns: int) -> list[bytes]:
    before_samples = reply.sent_samples
    sound = reply.take()
    if sound and reply.course is not None:
        reply.course.sent(before_samples, now_ns)
    return sound
