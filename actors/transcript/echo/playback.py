"""When the agent's sound was played, in a microphone's samples: a fold of the playback's facts. Pure."""

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from actors.transcript.echo.replies import ReferenceReply, RepliesSound
from actors.transcript.endpointing import SAMPLES_PER_MS
from contracts import events as e
from contracts.audio import IN_SAMPLE_RATE_HZ, OPENER_LOUDNESS, InFrame, OutFrame

Sound = npt.NDArray[np.float64]

NS_PER_SAMPLE = 1_000_000_000 // IN_SAMPLE_RATE_HZ
KEPT_STRETCHES = 8
DRY_SAMPLES = 20 * SAMPLES_PER_MS
"""When sound is this late, the loudspeaker had to wait for it."""

CLOCK_FRAMES = 50
"""The least delayed of this many frames (1 s or more) gives the microphone's time."""

EARLY_FACTS = 500
"""Facts that wait for the microphone's first frame."""

OF_THE_DOOR = (
    e.PlaybackStarted,
    e.PlaybackStalled,
    e.PlaybackPaused,
    e.PlaybackResumed,
    e.PlaybackFinished,
    e.PlaybackInterrupted,
    e.OpenerPlayed,
)
"""Facts stamped by the clock that also stamps the microphone's frames."""

PAUSING_SAMPLES = 120 * SAMPLES_PER_MS
"""How long playback continues once speech is noticed: until the pause reaches the client."""


class MicrophoneClock:
    """Which sample of a microphone came in at which time, from its frames."""

    def __init__(self) -> None:
        self._begun_ns: deque[int] = deque(maxlen=CLOCK_FRAMES)

    @property
    def runs(self) -> bool:
        """Whether a frame has come."""
        return bool(self._begun_ns)

    def hear(self, frame: InFrame, came_ns: int) -> None:
        """Note a frame that came in at that time."""
        end = frame.first_sample + len(frame.pcm) // 2
        self._begun_ns.append(came_ns - end * NS_PER_SAMPLE)

    def sample_at(self, time_ns: int) -> int | None:
        """Return the sample of that time; None before any frame has come."""
        return (time_ns - min(self._begun_ns)) // NS_PER_SAMPLE if self._begun_ns else None


@dataclass(slots=True)
class _Stretch:
    """A reply played without a break: its sample `first` at the microphone's sample `start`, until `end`."""

    reply_id: str
    start: int
    first: int
    end: int | None = None
    guessed: bool = False
    dry: bool = False
    """Ended because its sound ran out: it continues when more comes."""
    loudness: float = 1.0
    """How loud it is played, beside its sound as it was published."""

    @property
    def last(self) -> int:
        """The sample of the reply after it, once it has ended."""
        return self.first + (self.end or self.start) - self.start


@dataclass(frozen=True, slots=True)
class _Piece:
    """A reply's sound from its sample `first` on, played in `[start, end)` of the microphone's samples."""

    reply: ReferenceReply
    start: int
    end: int
    first: int
    loudness: float


class HeardPlayback:
    """What the loudspeaker played, placed in one microphone's time.

    A fact of playback comes after what it reports. So a reply that may be heard is assumed to begin once it has sound,
    one that ran dry to go on with its next sound, and one whose interruption was dismissed to go on at once; the facts
    put that right.

    The clocks of machines may be hours apart. Facts of the door are placed by its own clock, which stamps the frames
    as well; what others say, and the agent's sound, by when it came here, as frames do (`here_ns`: monotonic clock).
    """

    def __init__(self, sound: RepliesSound) -> None:
        self._sound = sound
        self._at_door = MicrophoneClock()
        self._here = MicrophoneClock()
        self._early: deque[tuple[e.Event, int | None]] = deque(maxlen=EARLY_FACTS)
        self._stretches: deque[_Stretch] = deque(maxlen=KEPT_STRETCHES)
        self._granted: str | None = None
        """The reply or opener that may begin and has not."""
        self._opener: str | None = None
        """The opener that was cued last."""
        self._paused_by: str | None = None
        """The utterance that has just paused it."""
        self.version = 0
        """Grows whenever playback begins, continues, or is placed again."""

    def hear(self, frame: InFrame, here_ns: int) -> None:
        """Note a frame of the microphone: it gives the time."""
        self._at_door.hear(frame, frame.received_ns)
        self._here.hear(frame, here_ns)
        while self._early:
            self._place(*self._early.popleft())

    def take(self, event: e.Event, here_ns: int | None = None) -> None:
        """Apply a fact of the session; `here_ns` is when it came here, None for one of the past (`past`)."""
        if self._here.runs:
            self._place(event, here_ns)
        else:
            self._early.append((event, here_ns))

    def _place(self, event: e.Event, here_ns: int | None) -> None:
        is_told_by_door = here_ns is None or isinstance(event, OF_THE_DOOR)
        at = self._at_door.sample_at(_when_ns(event)) if is_told_by_door else self._here.sample_at(here_ns or 0)
        if at is None:
            return
        match event:
            case e.ReplyStarted(draft=False) | e.ReplyCommitted() | e.OpenerCued():
                self._grant(event, at)
            case e.PlaybackStarted():
                self._started(event, at)
            case e.PlaybackResumed():
                self._resumed(event.reply_id, at, self._at_16_khz(event.reply_id, event.played_samples))
            case e.PlaybackStalled():
                self._stalled(event, self._at_16_khz(event.reply_id, event.played_samples))
            case e.SpeechStarted():
                self._speech(event, at)
            case e.InterruptionDismissed():
                self._dismissed(event, at)
            case e.PlaybackPaused():
                self._stopped(event.reply_id, self._at_16_khz(event.reply_id, event.played_samples))
            case (
                e.PlaybackFinished()
                | e.PlaybackInterrupted()
                | e.TurnInterrupted()
                | e.ReplyDiscarded()
                | e.OpenerPlayed()
                | e.OpenerRetracted()
            ):
                self._ended(event.reply_id, at)

    def add(self, frame: OutFrame, here_ns: int) -> None:
        """Add sound that came just now. If everything before has been played, it is played now."""
        reply, last, at = self._sound.get(frame.reply_id), self._last, self._here.sample_at(here_ns)
        known = reply.length if reply is not None else 0
        self._sound.add(frame)
        if at is None:
            return
        if last is None or last.reply_id != frame.reply_id or (last.end is not None and not last.dry):
            self._guess(at)
        elif reply is not None and reply.length > known:
            dry = last.start + known - last.first
            if last.end is None and at > dry + DRY_SAMPLES:
                last.end, last.dry = dry, True
            if last.dry:
                last.dry = False
                self._begin(frame.reply_id, at, last.last, guessed=True)

    def _grant(self, event: e.ReplyStarted | e.ReplyCommitted | e.OpenerCued, at: int) -> None:
        self._granted = event.reply_id
        if isinstance(event, e.OpenerCued):
            self._opener = event.reply_id
        self._guess(at)

    def _guess(self, at: int) -> None:
        """Assume that a reply begins now: it may be heard and has sound."""
        reply_id = self._granted
        if reply_id is None or self._sound.get(reply_id) is None or self._is_playing():
            return
        self._begin(reply_id, at, 0, guessed=True)
        self._granted = None

    def played(self, start: int, end: int) -> Sound:
        """Return what was played in `[start, end)` of the microphone's samples, at 16 kHz."""
        line = np.zeros(end - start)
        for piece in self._pieces(start, end):
            sound = piece.reply.cut(piece.first, piece.first + piece.end - piece.start)
            line[piece.start - start : piece.end - start] = sound * piece.loudness
        return line

    def sounds(self, start: int, end: int) -> bool:
        """Return whether anything of `played` is not silent: asked for each window of a microphone."""
        pieces = self._pieces(start, end)
        if len(pieces) > 1:  # a later one may be silent where it takes the place of an earlier one
            return bool(np.any(self.played(start, end)))
        return any(piece.reply.sounds(piece.first, piece.first + piece.end - piece.start) for piece in pieces)

    def _pieces(self, start: int, end: int) -> list["_Piece"]:
        """Return what was played within `[start, end)`, in the order in which it began."""
        pieces = []
        for stretch in self._stretches:
            reply = self._sound.get(stretch.reply_id)
            if reply is None or stretch.start >= end:
                continue
            until = stretch.start + reply.length - stretch.first
            until = min(end, until if stretch.end is None else min(stretch.end, until))
            begin = max(start, stretch.start)
            if until > begin:
                pieces.append(_Piece(reply, begin, until, begin + stretch.first - stretch.start, stretch.loudness))
        return pieces

    def rest_ms(self, reply_id: str, clauses: int, sample: int) -> float | None:
        """Return how much of a reply of `clauses` was still to be played at `sample`; None if it is not known."""
        reply = self._sound.get(reply_id)
        stretch = next((s for s in reversed(self._stretches) if s.reply_id == reply_id and s.start <= sample), None)
        if reply is None or stretch is None or reply.clauses < clauses:
            return None
        until = sample if stretch.end is None else min(sample, stretch.end)
        return max(0, reply.length - stretch.first - (until - stretch.start)) / SAMPLES_PER_MS

    # -- facts

    def _started(self, event: e.PlaybackStarted, at: int) -> None:
        sound = self._sound.get(event.reply_id)
        if event.reply_id == self._granted:
            self._granted = None
        if sound is not None:
            played = self._at_16_khz(event.reply_id, event.played_samples)
            self._begin(event.reply_id, at, played or sound.onset)

    def _begin(self, reply_id: str, start: int, first: int, guessed: bool = False) -> None:
        while not guessed and (last := self._last) is not None and last.guessed and last.reply_id == reply_id:
            self._stretches.pop()
        last = self._last
        if last is not None and last.end is None:
            last.end = start
        if first and not guessed and self._is_new(reply_id):
            start, first = start - first, 0
        loudness = OPENER_LOUDNESS if reply_id == self._opener else 1.0
        self._stretches.append(_Stretch(reply_id, start, first, guessed=guessed, loudness=loudness))
        self.version += 1

    def _resumed(self, reply_id: str, at: int, first: int) -> None:
        """Continue with sample `first`: less, or something else, may have been heard than was reported before."""
        while (last := self._last) is not None and last.reply_id == reply_id and (last.guessed or last.first >= first):
            self._stretches.pop()
        if last is not None and last.reply_id == reply_id:
            last.dry = False
            until = last.start + first - last.first
            last.end = until if last.end is None else min(last.end, until)
        self._begin(reply_id, at, first)

    def _stalled(self, event: e.PlaybackStalled, played: int) -> None:
        """End where playback stands still; a client that reports nothing may play on."""
        if event.cause == "silent":
            return
        self._stopped(event.reply_id, played)
        last = self._last
        if last is not None and last.reply_id == event.reply_id and last.end is not None:
            last.dry = event.cause == "late-sound"

    def _is_new(self, reply_id: str) -> bool:
        return all(stretch.reply_id != reply_id for stretch in self._stretches)

    def _speech(self, event: e.SpeechStarted, at: int) -> None:
        last = self._last
        if last is not None and last.end is None and event.over_reply_id == last.reply_id:
            last.end, self._paused_by = at + PAUSING_SAMPLES, event.utterance_id

    def _dismissed(self, event: e.InterruptionDismissed, at: int) -> None:
        last = self._last
        is_ours = event.utterance_id == self._paused_by
        if is_ours and last is not None and last.reply_id == event.reply_id and last.end is not None:
            self._begin(event.reply_id, at, last.first + last.end - last.start, guessed=True)

    def _stopped(self, reply_id: str, played: int) -> None:
        last = self._last
        if last is not None and last.reply_id == reply_id and not (last.guessed and last.first):
            last.dry = False
            last.end = last.start + max(0, played - last.first)

    def _ended(self, reply_id: str, at: int) -> None:
        last = self._last
        if self._granted == reply_id:
            self._granted = None
        if last is not None and last.reply_id == reply_id:
            last.dry = False
            last.end = at + PAUSING_SAMPLES if last.end is None else last.end

    @property
    def _last(self) -> _Stretch | None:
        return self._stretches[-1] if self._stretches else None

    def _is_playing(self) -> bool:
        """Return whether the last reply that began may still be heard: the next one waits for its end."""
        return self._last is not None and self._last.end is None

    def _at_16_khz(self, reply_id: str, samples: int) -> int:
        sound = self._sound.get(reply_id)
        return samples * IN_SAMPLE_RATE_HZ // sound.rate_hz if sound is not None else samples


def _when_ns(event: e.Event) -> int:
    """Return when playback was heard to begin or continue, if that was reported, else when the fact was appended."""
    if isinstance(event, e.PlaybackStarted | e.PlaybackResumed) and event.heard_ns is not None:
        return event.heard_ns
    return event.time_ns
