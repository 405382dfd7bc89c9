"""When each sample of the agent's replies was heard, from the facts of playback. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from contracts import events as e
from contracts.audio import OPENER_LOUDNESS

_PLAYBACK = (
    e.PlaybackStarted,
    e.PlaybackStalled,
    e.PlaybackPaused,
    e.PlaybackResumed,
    e.PlaybackInterrupted,
    e.PlaybackFinished,
    e.OpenerCued,
    e.OpenerPlayed,
)


EDGE_S = 0.02
"""Sound this short is not heard on its own."""


@dataclass(frozen=True, slots=True)
class Span:
    """Samples of a reply that were heard without a pause: `first_sample` at `at_ns`, up to `end_sample` or open."""

    at_ns: int
    first_sample: int
    end_sample: int | None = None


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Samples from `first_sample` to `end_sample`, or open; `anchor_sample` of them was heard at `anchor_ns`."""

    anchor_ns: int
    anchor_sample: int
    first_sample: int
    end_sample: int | None = None

    def span(self, rate_hz: int, free_ns: int) -> Span:
        at_ns = self.anchor_ns - (self.anchor_sample - self.first_sample) * 1_000_000_000 // rate_hz
        return Span(max(at_ns, free_ns), self.first_sample, self.end_sample)


@dataclass(slots=True)
class HeardReply:
    """When a reply was heard. Positions count its samples from the first clause on."""

    reply_id: str
    over_ns: int | None = None
    """When its playback was over, if it is."""
    doubtful_ns: int | None = None
    """Since when its client has reported nothing, while that lasts: what was played is unknown."""
    loudness: float = 1.0
    """How loud it was, beside its sound as synthesis made it."""
    _stretches: list[_Stretch] = field(default_factory=list)

    def apply(self, event: e.Event) -> None:
        """Apply a fact of this reply's playback; others change nothing."""
        match event:
            case e.OpenerCued() if self.over_ns is None:
                self.loudness, self.doubtful_ns = OPENER_LOUDNESS, event.time_ns
            case e.OpenerPlayed():
                self.loudness, self.doubtful_ns, self.over_ns = OPENER_LOUDNESS, None, event.time_ns
                if event.started_ns is not None:
                    self._stretches = [_Stretch(event.started_ns, event.started_samples, 0, event.played_samples)]
            case e.PlaybackStarted() if not self._stretches:
                self._stretches.append(_Stretch(event.heard_ns or event.time_ns, event.played_samples, 0))
            case e.PlaybackPaused():
                self._end(event.played_samples)
            case e.PlaybackStalled():
                self._end(event.played_samples)
                if event.cause == "silent":
                    self.doubtful_ns = event.heard_ns or event.time_ns
            case e.PlaybackResumed():
                self._resume(event)
            case e.PlaybackInterrupted() | e.PlaybackFinished():
                self._end(event.played_samples, again=True)
                self.over_ns, self.doubtful_ns = event.time_ns, None

    def give_up_opener(self, now_ns: int) -> None:
        """Note that a reply is heard: an opener of which nothing was told was never heard."""
        if self.loudness != 1.0 and self.over_ns is None:
            self.over_ns, self.doubtful_ns = now_ns, None

    def _resume(self, event: e.PlaybackResumed) -> None:
        self.doubtful_ns = None
        at_ns, sample = event.heard_ns or event.time_ns, event.played_samples
        is_open = bool(self._stretches) and self._stretches[-1].end_sample is None
        if is_open and event.heard_ns is not None and not event.paused_ms:  # it was earlier than reported before
            self._stretches[-1] = replace(self._stretches[-1], anchor_ns=at_ns, anchor_sample=sample)
            return
        self._end(sample)
        while self._stretches and (self._stretches[-1].end_sample or 0) > sample:  # less was heard than reported before
            last = self._stretches.pop()
            if last.first_sample < sample:
                self._stretches.append(replace(last, end_sample=sample))
        self._stretches.append(_Stretch(at_ns, sample, sample))

    def _end(self, sample: int, again: bool = False) -> None:
        """End the last stretch; an end is more exact than the pause before it."""
        if self._stretches and (again or self._stretches[-1].end_sample is None):
            last = self._stretches[-1]
            self._stretches[-1] = replace(last, end_sample=max(last.first_sample, sample))

    @property
    def begun(self) -> bool:
        """Whether any of it was heard."""
        return bool(self._stretches)

    @property
    def playing_since_ns(self) -> int | None:
        """Since when it has been playing without a break, if it still is."""
        if not self._stretches or self.over_ns is not None or self._stretches[-1].end_sample is not None:
            return None
        return self._stretches[-1].anchor_ns

    def heard(self, rate_hz: int) -> list[Span]:
        """Return the spans without overlap: reports may cross on their way to the door."""
        spans: list[Span] = []
        free_ns = 0
        for stretch in self._stretches:
            span = stretch.span(rate_hz, free_ns)
            spans.append(span)
            if span.end_sample is not None:
                free_ns = span.at_ns + (span.end_sample - span.first_sample) * 1_000_000_000 // rate_hz
        return [span for span in spans if span.end_sample != span.first_sample]

    def when_ns(self, sample: int, rate_hz: int, begins: bool = False) -> int | None:
        """Return when the sample was heard, None if it was not. The end of what was heard counts as heard.

        If playback paused at the sample, it is when the pause began, or when it ended if something `begins` there.
        """
        times = [
            span.at_ns + (sample - span.first_sample) * 1_000_000_000 // rate_hz
            for span in self.heard(rate_hz)
            if span.first_sample <= sample and (span.end_sample is None or sample <= span.end_sample)
        ]
        return times[-1 if begins else 0] if times else None

    def word_ns(self, first_sample: int, end_sample: int, rate_hz: int) -> tuple[int, int] | None:
        """Return when a word began and when all of it had been heard, None if it was not.

        A break in the last `EDGE_S` of a word counts as after it, one in the first as before it: that little is not
        heard as a part of it, and would stretch the word by the length of the break.
        """
        begin_ns = self.when_ns(first_sample, rate_hz, begins=True)
        end_ns = self.when_ns(end_sample, rate_hz)
        if begin_ns is None or end_ns is None:
            return None
        edge = min(round(EDGE_S * rate_hz), (end_sample - first_sample) // 2)
        edge_ns = edge * 1_000_000_000 // rate_hz
        later_ns = self.when_ns(first_sample + edge, rate_hz, begins=True) or begin_ns
        earlier_ns = self.when_ns(end_sample - edge, rate_hz) or end_ns
        return max(begin_ns, later_ns - edge_ns), min(end_ns, earlier_ns + edge_ns)


class HeardTimes:
    """All replies of a session, by id; a fold of its facts."""

    def __init__(self, facts: Iterable[e.Event] = ()) -> None:
        self.replies: dict[str, HeardReply] = {}
        for fact in facts:
            self.apply(fact)

    def apply(self, event: e.Event) -> None:
        """Apply a fact of the session."""
        if isinstance(event, e.PlaybackStarted):
            for each in self.replies.values():
                each.give_up_opener(event.time_ns)
        if isinstance(event, _PLAYBACK):
            self.replies.setdefault(event.reply_id, HeardReply(event.reply_id)).apply(event)
