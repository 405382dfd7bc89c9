"""When each sample of the agent's replies was heard, from the facts of playback. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from contracts import events as e


@dataclass(frozen=True, slots=True)
class Span:
    """Samples of a reply that were heard without a pause: `first_sample` at `at_ns`, up to `end_sample` or open."""

    at_ns: int
    first_sample: int
    end_sample: int | None = None


@dataclass(slots=True)
class HeardReply:
    """When a reply was heard. Positions count its samples from the first clause on."""

    reply_id: str
    spans: list[Span] = field(default_factory=list)
    over_ns: int | None = None
    """When its playback was over, if it is."""

    def apply(self, event: e.Event) -> None:
        """Take a fact of this reply's playback; others change nothing."""
        match event:
            case e.PlaybackStarted() if not self.spans:
                self.spans.append(Span(event.time_ns, 0))
            case e.PlaybackPaused():
                self._end(event.played_samples)
            case e.PlaybackResumed():
                self._end(event.played_samples)
                self.spans.append(Span(event.time_ns, event.played_samples))
            case e.PlaybackInterrupted():
                self._end(event.played_samples, again=True)
                self.over_ns = event.time_ns
            case e.PlaybackFinished():
                self._end(event.played_samples)
                self.over_ns = event.time_ns

    def _end(self, sample: int, again: bool = False) -> None:
        """End the last span; an interruption counts more exactly than the pause before it."""
        if self.spans and (again or self.spans[-1].end_sample is None):
            last = self.spans[-1]
            self.spans[-1] = Span(last.at_ns, last.first_sample, max(last.first_sample, sample))

    def heard(self, rate_hz: int) -> list[Span]:
        """Return the spans, none before the one before it is over: the counts cross on their way to the door."""
        spans: list[Span] = []
        free_ns = 0
        for span in self.spans:
            at_ns = max(span.at_ns, free_ns)
            spans.append(Span(at_ns, span.first_sample, span.end_sample))
            if span.end_sample is not None:
                free_ns = at_ns + (span.end_sample - span.first_sample) * 1_000_000_000 // rate_hz
        return spans

    def when_ns(self, sample: int, rate_hz: int, begins: bool = False) -> int | None:
        """Return when the sample was heard, or None if it was not. The end of what was heard counts as heard.

        Where playback paused at the sample it is when the pause began; or, if something `begins` with it, ended.
        """
        times = [
            span.at_ns + (sample - span.first_sample) * 1_000_000_000 // rate_hz
            for span in self.heard(rate_hz)
            if span.first_sample <= sample and (span.end_sample is None or sample <= span.end_sample)
        ]
        return times[-1 if begins else 0] if times else None


class HeardTimes:
    """All replies of a session, by id; a fold of its facts."""

    def __init__(self, facts: Iterable[e.Event] = ()) -> None:
        self.replies: dict[str, HeardReply] = {}
        for fact in facts:
            self.apply(fact)

    def apply(self, event: e.Event) -> None:
        """Take a fact of the session."""
        kinds = (e.PlaybackStarted, e.PlaybackPaused, e.PlaybackResumed, e.PlaybackInterrupted, e.PlaybackFinished)
        if isinstance(event, kinds):
            self.replies.setdefault(event.reply_id, HeardReply(event.reply_id)).apply(event)
