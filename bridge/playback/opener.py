"""The agent's opener on its way to the listener: played at once, silenced if the caller goes on. Pure.

It is no reply: a moment of sound that is never paused, continued or asked for again. Every method returns what is to be
done, in order. Times are Unix epoch ns.
"""

from dataclasses import dataclass, field

from bridge.playback.clause_sound import ClauseSound
from bridge.playback.commands import Ask, Command, Say, SendSound, Tell
from bridge.playback.course import Count
from bridge.playback.opener_events import Heard, played, sound_request
from bridge.playback.opener_sound import quieter, without_rest
from bridge.playback.reply import Hold, Playing
from contracts import events as e
from contracts.audio import OutFrame

SOUND_PATIENCE_NS = 400_000_000
"""Sound that comes later after the cue than this is not begun any more: the answer is near."""

LONGEST_NS = 3_000_000_000
"""An opener that is not over by then is broken off."""


@dataclass(slots=True)
class _Opener:
    """An opener that was cued, and what was sent and heard of it."""

    cued: e.OpenerCued
    cued_ns: int
    """When that came here."""
    rate_hz: int = 0
    sound: ClauseSound = field(default_factory=lambda: ClauseSound(0))
    voice_end: int | None = None
    """The sample after its last word, once that is known."""
    begun_ns: int | None = None
    """When its client was told of it."""
    end_sent: bool = False
    stop: Hold | None = None
    first_heard: Count | None = None
    """The client's count at its first sound."""
    last_heard_ns: int | None = None
    """When the sound before its client's last count was heard."""
    played_samples: int = 0

    def add(self, frame: OutFrame, now_ns: int) -> None:
        """Add a frame of its sound."""
        if frame.word_end_samples:
            self.voice_end = frame.word_end_samples[-1]
        self.rate_hz = self.rate_hz or frame.sample_rate_hz
        self.sound.add(without_rest(frame, self.voice_end), now_ns)

    def estimate(self, now_ns: int, is_counted: bool) -> int:
        """Return how much must have been played by now; a client that counts nothing plays what it gets."""
        if self.first_heard is not None:
            at_ns, samples = self.first_heard.at_ns, self.first_heard.samples
        elif self.begun_ns is not None and not is_counted:
            at_ns, samples = self.begun_ns, 0
        else:
            return self.played_samples
        samples += max(0, now_ns - at_ns) * self.rate_hz // 1_000_000_000
        return max(self.played_samples, min(self.sound.sent_samples, samples))


class OpenerPlayer:
    """Plays one session's openers, one at a time; a reply waits while one `is_heard`."""

    def __init__(self) -> None:
        self._opener: _Opener | None = None

    @property
    def is_heard(self) -> bool:
        """Whether it is being played, or was stopped and the client's count is awaited."""
        return self._opener is not None and self._opener.begun_ns is not None

    @property
    def waits(self) -> bool:
        """Whether anything may follow from time alone."""
        return self._opener is not None

    def owns(self, reply_id: str) -> bool:
        """Return whether sound, or a count, is of the present opener."""
        return self._opener is not None and self._opener.cued.reply_id == reply_id

    def playing(self, now_ns: int) -> Playing | None:
        """Return how far it has been played, for a door that may have to say so in place of this one."""
        opener = self._opener
        if opener is None or opener.first_heard is None or opener.stop is not None:
            return None
        return Playing(opener.cued.reply_id, opener.estimate(now_ns, is_counted=True))

    # -- facts and sound

    def on_fact(self, event: e.Event, now_ns: int, may_begin: bool, is_counted: bool) -> list[Command]:
        """Apply a fact of the session. It begins only if it `may_begin`: there is a client, and no reply is played."""
        opener = self._opener
        if isinstance(event, e.OpenerCued):
            return self._cue(event, now_ns) if may_begin and opener is None else []
        if opener is None:
            return []
        match event:
            case e.OpenerRetracted():
                is_over = event.reply_id == opener.cued.reply_id
            case e.SpeechStarted():
                is_over = event.turn_id != opener.cued.turn_id
            case e.TurnEnded():
                is_over = event.turn_id != opener.cued.turn_id or opener.begun_ns is None
            case _:
                is_over = False
        return self._take_back(opener, now_ns, is_counted) if is_over else []

    def _cue(self, cued: e.OpenerCued, now_ns: int) -> list[Command]:
        self._opener = _Opener(cued, now_ns)
        return [Ask(sound_request(cued), is_lost=False)]

    def on_frame(self, frame: OutFrame, now_ns: int, may_begin: bool) -> list[Command]:
        """Add a piece of its sound, and play it."""
        opener = self._opener
        if opener is None:
            return []
        opener.add(frame, now_ns)
        return self._play(opener, now_ns, may_begin) if opener.stop is None else []

    def _play(self, opener: _Opener, now_ns: int, may_begin: bool) -> list[Command]:
        cued = opener.cued
        out: list[Command] = []
        if opener.begun_ns is None:
            if not opener.sound.has_sound:
                return []
            if not may_begin or now_ns - opener.cued_ns > SOUND_PATIENCE_NS:
                self._opener = None
                return []
            opener.begun_ns = now_ns
            names = {"type": "reply", "reply_id": cued.reply_id, "turn_id": cued.turn_id}
            out.append(Tell({**names, "sample_rate_hz": opener.rate_hz, "opener": cued.text}))
        if pcm := opener.sound.take():
            out.append(SendSound(quieter(pcm)))
        if opener.sound.complete and not opener.end_sent:
            opener.end_sent = True
            samples = opener.sound.sent_samples
            out.append(Tell({"type": "reply_end", "reply_id": cued.reply_id, "samples": samples}))
        return out

    def _take_back(self, opener: _Opener, now_ns: int, is_counted: bool) -> list[Command]:
        """Silence it; one that waits for its sound never begins."""
        if opener.begun_ns is None:
            self._opener = None
        if opener.begun_ns is None or opener.stop is not None:
            return []
        estimate = opener.estimate(now_ns, is_counted)
        opener.stop = Hold("", now_ns, "retracted", estimate_samples=estimate)
        return [Tell({"type": "stop", "reply_id": opener.cued.reply_id})]

    # -- counts and time

    def on_report(self, count: Count, now_ns: int, started: bool, ended: bool) -> list[Command]:
        """Process the client's count of it."""
        opener = self._opener
        if opener is None or opener.begun_ns is None:
            return []
        samples = min(count.samples, opener.sound.sent_samples)
        opener.played_samples = max(opener.played_samples, samples)
        opener.last_heard_ns = count.at_ns
        if opener.first_heard is None and (started or samples):
            opener.first_heard = Count(samples, count.at_ns)
        if opener.stop is not None and opener.stop.answered_ns is None:
            opener.stop.answered_ns = now_ns
        if ended and opener.end_sent:
            return self._over(opener, now_ns, retracted=False)
        return self.due(now_ns, is_counted=True)

    def due(self, now_ns: int, is_counted: bool) -> list[Command]:
        """Do what follows from time alone; `is_counted`: the client is known to count."""
        opener = self._opener
        if opener is None:
            return []
        if opener.begun_ns is None:
            if now_ns - opener.cued_ns > SOUND_PATIENCE_NS:
                self._opener = None
            return []
        if opener.stop is not None:
            return self._broken_off(opener, opener.stop, now_ns) if opener.stop.settled(now_ns) else []
        if now_ns - opener.begun_ns > LONGEST_NS:
            return self._take_back(opener, now_ns, is_counted)  # its end was lost on the way
        samples = opener.sound.sent_samples
        if not is_counted and opener.end_sent and opener.estimate(now_ns, is_counted) == samples:
            opener.first_heard, opener.played_samples = Count(0, opener.begun_ns), samples
            opener.last_heard_ns = opener.begun_ns + samples * 1_000_000_000 // opener.rate_hz
            return self._over(opener, now_ns, retracted=False)
        return []

    def break_off(self, now_ns: int, is_counted: bool) -> list[Command]:
        """End it without its client, which is lost: what must have been heard by now counts."""
        opener, self._opener = self._opener, None
        if opener is None or opener.begun_ns is None:
            return []
        estimate = opener.estimate(now_ns, is_counted)
        return self._broken_off(opener, opener.stop or Hold("", now_ns, estimate_samples=estimate), now_ns)

    def forget(self) -> None:
        """Drop one that another door was to play: its moment has passed."""
        self._opener = None

    def _broken_off(self, opener: _Opener, stop: Hold, now_ns: int) -> list[Command]:
        if stop.answered_ns is None and stop.estimate_samples > opener.played_samples:
            opener.played_samples, opener.last_heard_ns = stop.estimate_samples, stop.begun_ns
        return self._over(opener, now_ns, retracted=True)

    def _over(self, opener: _Opener, now_ns: int, retracted: bool) -> list[Command]:
        """Append how much of it was heard, if any was."""
        self._opener = None
        if not opener.played_samples:
            return []
        ended_ns = opener.last_heard_ns or now_ns
        sound = Heard(opener.played_samples, opener.rate_hz, opener.first_heard, ended_ns)
        return [Say(played(opener.cued, sound, retracted, now_ns))]
