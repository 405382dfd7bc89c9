"""A loudspeaker without sound: plays what arrives on a clock, and knows exactly how much of it was heard."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infra.caller.echo import laid_out
from infra.caller.wav import Samples

SILENCE_PEAK = 256
"""Samples up to this amplitude count as silence (-42 dB of full scale): voices begin with near-silence."""

REPORT_EVERY_S = 0.1

EDGE_S = 0.001
"""Heard a little more than is returned: what lies between two samples belongs to both."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report to the door: `samples` of the reply were played so far, at `at_s`."""

    reply_id: str
    samples: int
    started: bool = False
    ended: bool = False
    stalled: bool = False
    """The reply's sound ran out there."""
    resumed: bool = False
    """The reply's sound flows again."""
    at_s: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class PlayedStretch:
    """`count` samples of a reply from `first` on were heard from `at_s` on (the loudspeaker's clock)."""

    at_s: float
    first: int
    count: int


@dataclass(slots=True, eq=False)
class LoudspeakerReply:
    """A reply at the loudspeaker: what has arrived, and what of it was heard when."""

    reply_id: str
    turn_id: str
    first_sample: int = 0
    """Where its sound begins here: what is before that was played elsewhere. Reports count from the reply's start."""
    is_opener: bool = False
    """What the agent begins with, not knowing whether it is its turn: no answer."""
    pcm: bytearray = field(default_factory=bytearray)
    total: int | None = None
    played: int = 0
    started_at_s: float | None = None
    over: bool = False
    stopped: bool = False
    segments: list[PlayedStretch] = field(default_factory=list)

    @property
    def received(self) -> int:
        """Samples that have arrived."""
        return len(self.pcm) // 2

    def piece(self, first: int, end: int) -> Samples:
        """Return a part of what has arrived."""
        return np.frombuffer(bytes(self.pcm[first * 2 : min(end, self.received) * 2]), "<i2")

    def samples(self) -> NDArray[np.int16]:
        """Return what has arrived."""
        return np.frombuffer(bytes(self.pcm[: self.received * 2]), "<i2")


class Loudspeaker:
    """Plays replies one after the other; times are seconds of the caller's clock, passed with every call.

    Each call that changes something returns the reports that are due, as the protocol asks: at the first sample
    that is not silent, ten times a second while playing, after pause and stop, and at the end.
    """

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self.replies: list[LoudspeakerReply] = []
        self._anchor: tuple[float, int] | None = None
        self._paused = False
        self._still = False
        self._reported_at_s = 0.0
        self._reached_at_s = 0.0
        """When the last sample was played."""
        self._searched = 0

    @property
    def current(self) -> LoudspeakerReply | None:
        """The reply being played or waited for: the first that is not over."""
        return next((reply for reply in self.replies if not reply.over), None)

    @property
    def begun(self) -> bool:
        """Whether any reply has arrived."""
        return bool(self.replies)

    @property
    def playing(self) -> bool:
        """Whether a reply is being played or waited for."""
        return self.current is not None

    @property
    def heard_samples(self) -> int:
        """Samples played so far, of all replies."""
        return sum(reply.played for reply in self.replies)

    def playing_ms(self) -> float:
        """Return how much of the current reply was played; 0 if there is none, or an opener is heard before it."""
        reply = self.current
        return reply.played / self.rate_hz * 1000 if reply is not None and not reply.is_opener else 0

    def heard(self, begin_s: float, end_s: float) -> tuple[float, Samples, int]:
        """Return what is heard in an interval of the past: when it begins, its samples and their rate."""
        begin_s, end_s = begin_s - EDGE_S, end_s + EDGE_S
        pieces: list[tuple[float, Samples]] = []
        for reply in self.replies:
            for one in reply.segments:
                if one.at_s < end_s and one.at_s + one.count / self.rate_hz > begin_s:
                    pieces.append((one.at_s, reply.piece(one.first, one.first + one.count)))
        if self._anchor is not None and (current := self.current) is not None:
            # Plays since the last check.
            at_s = self._anchor[0] + (current.played - self._anchor[1]) / self.rate_hz
            if at_s < end_s:
                pieces.append(
                    (at_s, current.piece(current.played, current.played + round((end_s - at_s) * self.rate_hz)))
                )
        return begin_s, laid_out(pieces, begin_s, end_s, self.rate_hz), self.rate_hz

    def tell(self, now_s: float, message: dict[str, Any]) -> list[Report]:
        """Take a message of the door about playback; others change nothing."""
        reply_id = str(message.get("reply_id", ""))
        match message.get("type"):
            case "reply":
                first_sample, is_opener = int(message.get("first_sample", 0)), "opener" in message
                self.begin(reply_id, str(message.get("turn_id") or ""), first_sample, is_opener)
            case "reply_end":
                return self.end(now_s, reply_id, int(message["samples"]))
            case "pause":
                return self.pause(now_s, reply_id)
            case "resume":
                return self.resume(now_s, reply_id)
            case "stop":
                return self.stop(now_s, reply_id)
        return []

    def begin(self, reply_id: str, turn_id: str, first_sample: int = 0, is_opener: bool = False) -> None:
        """Take a new reply or opener, from `first_sample` on; whose sound comes next; a known reply continues."""
        if self._find(reply_id) is None:
            self.replies.append(LoudspeakerReply(reply_id, turn_id, first_sample, is_opener))

    def receive(self, now_s: float, reply_id: str, pcm: bytes) -> list[Report]:
        """Accept sound of a reply; sound of a stopped reply is dropped."""
        reports = self.advance(now_s)
        reply = self._find(reply_id)
        if reply is not None and not reply.over:
            reply.pcm += pcm
        return reports + self.advance(now_s)

    def end(self, now_s: float, reply_id: str, samples: int) -> list[Report]:
        """Note that all of a reply has arrived: `samples` in total."""
        reply = self._find(reply_id)
        if reply is not None and not reply.over:
            reply.total = min(samples - reply.first_sample, reply.received)
        return self.advance(now_s)

    def pause(self, now_s: float, reply_id: str) -> list[Report]:
        """Pause."""
        reports = self.advance(now_s)
        reply = self.current
        if reply is None or reply.reply_id != reply_id:
            return reports
        self._paused, self._anchor = True, None
        return [*reports, self._report(reply)]

    def resume(self, now_s: float, reply_id: str) -> list[Report]:
        """Resume after a pause."""
        reply = self.current
        if reply is not None and reply.reply_id == reply_id:
            self._paused = False
        return self.advance(now_s)

    def stop(self, now_s: float, reply_id: str) -> list[Report]:
        """Drop what is left of a reply."""
        reports = self.advance(now_s)
        reply = self._find(reply_id)
        if reply is None or reply.over:
            return reports
        if reply is self.current:
            self._next()
        reply.over = reply.stopped = True
        return [*reports, self._report(reply), *self.advance(now_s)]

    def stand_still(self, now_s: float) -> list[Report]:
        """Play and report nothing for a while, like a device that was suspended or starved."""
        reports = self.advance(now_s)
        self._still = True
        return reports

    def go_on(self, now_s: float, told: bool) -> list[Report]:
        """Continue from there; if `told`, the client knows that it stood still, and reports where."""
        self._still = False
        reply = self.current
        if reply is not None and self._anchor is not None:
            self._anchor = (now_s, reply.played)
            self._reached_at_s = self._reported_at_s = now_s
            if told and reply.started_at_s is not None:
                return [self._report(reply, resumed=True), *self.advance(now_s)]
        return self.advance(now_s)

    def advance(self, now_s: float) -> list[Report]:
        """Play up to now; return the reports that are due."""
        reports: list[Report] = []
        if self._still:
            return reports
        while (reply := self.current) is not None and not self._paused:
            resumed = self._flow(reply, now_s)
            stalled = self._play(reply, now_s)
            reports += [*resumed, *self._due(reply, now_s)]
            if reply.total is None or reply.played < reply.total:
                reports += stalled
                break
            reply.over = True
            reports.append(self._report(reply, ended=True))
            self._next()
        return reports

    def next_due_s(self, now_s: float) -> float | None:
        """Return when `advance` has to be called again if nothing arrives, None if never."""
        reply = self.current
        if reply is None or self._paused or self._still or self._anchor is None:
            return None
        due = [self._reported_at_s + REPORT_EVERY_S]
        anchor_s, anchor_sample = self._anchor
        onset = self._onset(reply) if reply.started_at_s is None else None
        for sample in (onset, reply.total):
            if sample is not None:
                due.append(anchor_s + (sample - anchor_sample) / self.rate_hz)
        return max(min(due), now_s)

    def _find(self, reply_id: str) -> LoudspeakerReply | None:
        return next((reply for reply in self.replies if reply.reply_id == reply_id), None)

    def _next(self) -> None:
        self._anchor, self._paused, self._searched = None, False, 0

    def _report(
        self, reply: LoudspeakerReply, *, ended: bool = False, stalled: bool = False, resumed: bool = False
    ) -> Report:
        samples = reply.first_sample + reply.played
        told = Report(reply.reply_id, samples, ended=ended, stalled=stalled, resumed=resumed)
        return replace(told, at_s=self._reached_at_s)

    def _flow(self, reply: LoudspeakerReply, now_s: float) -> list[Report]:
        """Start to play, or resume after a break, if there is something to play."""
        if self._anchor is not None or reply.received == reply.played:
            return []
        self._anchor = (now_s, reply.played)
        self._reported_at_s = self._reached_at_s = now_s
        return [self._report(reply, resumed=True)] if reply.started_at_s is not None else []

    def _play(self, reply: LoudspeakerReply, now_s: float) -> list[Report]:
        if self._anchor is None:
            return []
        anchor_s, anchor_sample = self._anchor
        # Rounded, because the time at which a sample is due may be slightly too early.
        target = anchor_sample + int((now_s - anchor_s) * self.rate_hz + 1e-3)
        played = min(target, reply.received)
        if played > reply.played:
            at_s = anchor_s + (reply.played - anchor_sample) / self.rate_hz
            _note(reply.segments, PlayedStretch(at_s, reply.played, played - reply.played), self.rate_hz)
            reply.played = played
        self._reached_at_s = anchor_s + (reply.played - anchor_sample) / self.rate_hz
        if target <= reply.received:
            return []
        self._anchor = None  # ran dry: the next sound is heard when it arrives
        return [self._report(reply, stalled=True)] if reply.started_at_s is not None else []

    def _due(self, reply: LoudspeakerReply, now_s: float) -> list[Report]:
        if reply.started_at_s is None:
            onset = self._onset(reply)
            if onset is not None and reply.played >= onset and reply.segments:
                reply.started_at_s = heard_at_s(reply, onset, self.rate_hz)
                self._reported_at_s = now_s
                return [replace(self._report(reply), started=True)]
        if self._anchor is not None and now_s - self._reported_at_s >= REPORT_EVERY_S - 1e-6:
            self._reported_at_s = now_s
            return [self._report(reply)]
        return []

    def _onset(self, reply: LoudspeakerReply) -> int | None:
        """Return the first sample that is not silent, None if none has arrived yet."""
        fresh = np.frombuffer(bytes(reply.pcm[self._searched * 2 : reply.received * 2]), "<i2").astype(np.int32)
        loud = np.flatnonzero(np.abs(fresh) > SILENCE_PEAK)
        if len(loud):
            self._searched += int(loud[0])
            return self._searched
        self._searched += len(fresh)
        return None


def _note(segments: list[PlayedStretch], fresh: PlayedStretch, rate_hz: int) -> None:
    """Add a stretch of played sound, joined to the last one if there was no break between."""
    if segments and abs(segments[-1].at_s + segments[-1].count / rate_hz - fresh.at_s) < 1e-6:
        fresh = PlayedStretch(segments[-1].at_s, segments[-1].first, segments[-1].count + fresh.count)
        segments.pop()
    segments.append(fresh)


def heard_at_s(reply: LoudspeakerReply, sample: int, rate_hz: int) -> float:
    """Return when a sample was heard, or would have been if the reply had continued without a break."""
    best = reply.segments[0]
    for segment in reply.segments:
        if segment.first <= sample:
            best = segment
    return best.at_s + (sample - best.first) / rate_hz
