"""When each sample of a reply is heard, and where its playback breaks off, from the client's counts. Pure.

A count says how many samples had been played at a time. Between two counts the reply is assumed to play at its normal
speed. A count that is later than that shows a break: the sound was late, or the client stalled. Times are Unix epoch
ns, positions are samples of the reply.
"""

from collections import deque
from dataclasses import dataclass, replace
from typing import Literal

TOLERANCE_NS = 40_000_000
"""How far counts may differ from the reported course before a break or a correction is reported."""

DRY_PATIENCE_NS = 200_000_000
"""How long a reply may be out of sound before a break is reported: at first its end looks the same."""

SILENT_NS = 1_500_000_000
"""After this long without a count the client may have stalled: nothing more counts as heard until it reports."""

WINDOW_NS, DRY_WINDOW_NS, LEAST_WINDOW_NS = 600_000_000, 400_000_000, 300_000_000
"""Counts without a time of their own may arrive late: they show a break only if all of a window are late."""

Cause = Literal["late-sound", "client", "silent", "door"]


@dataclass(frozen=True, slots=True)
class PlaybackStopped:
    """Playback stopped after `samples`."""

    samples: int
    at_ns: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class WentOn:
    """Playback continued with sample `samples` at `at_ns`, after it had stopped at `stopped_ns`.

    If both times are equal there was no break: playback was ahead of the course, which is corrected.
    """

    samples: int
    at_ns: int
    stopped_ns: int


Change = PlaybackStopped | WentOn


@dataclass(frozen=True, slots=True)
class Count:
    """The client's count: `samples` had been played at `at_ns`.

    `exact` if the client gave that time itself; else it is when the count arrived.
    """

    samples: int
    at_ns: int
    exact: bool = False
    stalled: bool = False
    """The client's sound ran out there."""
    resumed: bool = False
    """The client has sound again, from there on."""


class Course:
    """The course of one reply's playback, as reported so far. It is sent from `first_sample` on, since `begun_ns`."""

    def __init__(self, rate_hz: int, begun_ns: int, first_sample: int = 0) -> None:
        self._rate_hz = max(1, rate_hz)
        self._earliest = (begun_ns, first_sample)
        """Time and sample: then its sound was sent, or the client told to resume; it was not heard before."""
        self._anchor: tuple[int, int] | None = None
        """While it plays: a time, and the sample that was heard then."""
        self._still: PlaybackStopped | None = None
        self._dry: int | None = None
        """Where the client reported that its sound ran out, until that is reported as a break."""
        self.late: tuple[int, int] | None = None
        """Sample and time: where sound that was sent too late begins, and when it was sent."""
        self._last = 0
        self._last_came_ns = 0
        self.last_sent_ns = 0
        """When its sound was last sent."""
        self._window: deque[tuple[int, int, int]] = deque()
        """Of recent counts without a time of their own: when each came, how late (ns), and the count before it."""

    # -- what the door does

    def hold(self) -> None:
        """Pause, on our command to the client."""
        self._anchor, self._still, self._dry = None, None, None
        self._window.clear()

    def go_on(self, samples: int, now_ns: int) -> None:
        """Resume from `samples` now, on our command to the client."""
        self.hold()
        self._anchor, self._last, self._last_came_ns = (now_ns, samples), samples, now_ns
        self._earliest = self._anchor

    def sent(self, before_samples: int, now_ns: int) -> None:
        """Note that the sound after `before_samples` is sent now."""
        self.last_sent_ns = now_ns
        if self._anchor is not None and self._due_ns(before_samples) < now_ns:
            self.late = (before_samples, now_ns)

    # -- what is known of it

    @property
    def begun(self) -> bool:
        """Whether anything is known of its playback."""
        return self._anchor is not None or self._still is not None

    @property
    def stalled_at(self) -> int | None:
        """Where it has stalled on its own, if it has."""
        return self._still.samples if self._still is not None else None

    def samples_at(self, now_ns: int, sent_samples: int) -> int | None:
        """Return how many samples must have been heard by now; None if that is not known."""
        if self._still is not None:
            return self._still.samples
        if self._anchor is None:
            return None
        at_ns, samples = self._anchor
        return min(sent_samples, samples + max(0, now_ns - at_ns) * self._rate_hz // 1_000_000_000)

    # -- what the client's counts show, and time alone

    def count(self, count: Count, came_ns: int) -> list[Change]:
        """Process a count; return how it changes the reported course. The first one shows when playback began."""
        self._last_came_ns = came_ns
        changes: list[Change] = []
        if self._still is not None:
            changes = self._after_still(count, self._still)
        elif self._anchor is None:
            self._anchor = (count.at_ns, self.possible(count).samples)
        else:
            changes = self._compare(count)
        if count.stalled:
            self._dry = count.samples
        elif count.samples > self._last or count.resumed:
            self._dry = self.late = None
        self._last = max(self._last, count.samples)
        return changes

    def overdue(self, now_ns: int, sent_samples: int, complete: bool, counts: bool = True) -> list[Change]:
        """Return the break that must have begun by now, although no count says so.

        `complete`: all of the reply was sent. `counts`: the client reports what it plays.
        """
        if self._anchor is None or self._still is not None:
            return []
        if self._dry is not None and now_ns - self._due_ns(self._dry) > DRY_PATIENCE_NS:
            return [self._stop(self._dry, "late-sound" if self._dry >= sent_samples else "client")]
        unknown_ns = (sent_samples - self._last) * 1_000_000_000 // self._rate_hz
        # A client that counts, but has not reported that far, may have stalled earlier.
        is_told = not counts or unknown_ns <= DRY_PATIENCE_NS
        if not complete and is_told and now_ns - self._due_ns(sent_samples) > DRY_PATIENCE_NS:
            return [self._stop(sent_samples, "late-sound")]
        if now_ns - self._last_came_ns > SILENT_NS and self._due_ns(sent_samples) > self._last_came_ns:
            return [self._stop(self._last, "silent")]
        return []

    def possible(self, count: Count) -> Count:
        """Return the count, limited to what can have been played in the time since its sound was sent."""
        begun_ns, first = self._earliest
        most = first + max(0, count.at_ns - begun_ns) * self._rate_hz // 1_000_000_000
        return replace(count, samples=min(count.samples, most))

    # -- inside

    def _due_ns(self, samples: int) -> int:
        assert self._anchor is not None
        at_ns, first = self._anchor
        return at_ns + (samples - first) * 1_000_000_000 // self._rate_hz

    def _stop(self, samples: int, cause: Cause) -> PlaybackStopped:
        self._still = PlaybackStopped(samples, self._due_ns(samples), cause)
        self._anchor, self._dry = None, None
        self._window.clear()
        return self._still

    def _go(self, samples: int, at_ns: int, stopped_ns: int) -> WentOn:
        self._anchor, self._still = (at_ns, samples), None
        if at_ns != stopped_ns:
            self._earliest = self._anchor
        self._window.clear()
        return WentOn(samples, at_ns, stopped_ns)

    def _after_still(self, count: Count, still: PlaybackStopped) -> list[Change]:
        if count.samples <= still.samples and not count.resumed:
            return self._behind(count, still)
        if count.samples < still.samples:
            return [self._go(count.samples, count.at_ns, still.at_ns)]
        due_ns = still.at_ns + (count.samples - still.samples) * 1_000_000_000 // self._rate_hz
        if count.resumed and still.samples < count.samples and due_ns < count.at_ns:
            # It had played on to the sample from which it resumes: there it stalled.
            went_on = self._go(still.samples, still.at_ns, still.at_ns)
            return [went_on, self._stop(count.samples, "client"), self._go(count.samples, count.at_ns, due_ns)]
        at_ns = count.at_ns - (count.samples - still.samples) * 1_000_000_000 // self._rate_hz
        if still.cause == "silent" and at_ns - still.at_ns < TOLERANCE_NS:
            at_ns = still.at_ns  # it had kept playing, only its counts were delayed
        return [self._go(still.samples, max(at_ns, still.at_ns), still.at_ns)]

    def _behind(self, count: Count, still: PlaybackStopped) -> list[Change]:
        """Return the correction if less was heard than was reported: the client had stalled earlier.

        A count without a time says nothing of that once all was heard: it is the last, and itself may have come late.
        """
        if not count.exact and count.samples == still.samples:
            return []
        patience_ns = TOLERANCE_NS if count.exact else DRY_PATIENCE_NS
        where = min(self._last, count.samples)
        at_ns = count.at_ns - (count.samples - where) * 1_000_000_000 // self._rate_hz
        told_ns = still.at_ns - (still.samples - where) * 1_000_000_000 // self._rate_hz
        if count.samples <= self._last or at_ns - told_ns <= patience_ns:
            return []
        return [self._go(where, at_ns, told_ns)]

    def _compare(self, count: Count) -> list[Change]:
        late_ns = count.at_ns - self._due_ns(count.samples)
        before = self._last
        if not count.exact and not (count.resumed and late_ns > DRY_PATIENCE_NS):
            late_ns, before = self._least_late(count, late_ns)
        if late_ns < -TOLERANCE_NS:
            count = self.possible(count)
            is_earlier = count.at_ns - self._due_ns(count.samples) < -TOLERANCE_NS
            return [self._go(count.samples, count.at_ns, count.at_ns)] if is_earlier else []
        if late_ns <= TOLERANCE_NS:
            return []
        where, cause = self._where(count, before)
        stop = self._stop(where, cause)
        if count.samples <= self._last and not count.resumed:
            return [stop]
        return [stop, self._go(where, stop.at_ns + late_ns, stop.at_ns)]

    def _least_late(self, count: Count, late_ns: int) -> tuple[int, int]:
        """Return by how much all counts of the window were late, and the last count before the window.

        A client that runs out of sound leaves no time for a whole window.
        """
        self._window.append((count.at_ns, late_ns, self._last))
        window_ns = DRY_WINDOW_NS if count.stalled else WINDOW_NS
        while self._window[0][0] < count.at_ns - window_ns:
            self._window.popleft()
        first_ns, _, before = self._window[0]
        if late_ns > 0 and count.at_ns - first_ns < LEAST_WINDOW_NS:
            return 0, before
        return min(late for _, late, _ in self._window), before

    def _where(self, count: Count, before: int) -> tuple[int, Cause]:
        """Return where the break was that this count shows: where sound was missing, else after the count before it."""
        late = self.late[0] if self.late is not None else None
        if self._dry is not None:
            return self._dry, "late-sound" if self._dry == late else "client"
        if late is not None and before <= late <= count.samples:
            return late, "late-sound"
        if count.resumed:
            return count.samples, "client"
        return min(before, count.samples), "client"
