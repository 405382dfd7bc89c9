"""One reply from the door to a loudspeaker and back, in a time of its own: what was heard, and what the facts say."""

import itertools
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from bridge.call.client_clock import ClientClock
from bridge.playback.commands import Command, Say, SendSound, Tell
from bridge.playback.course import Count
from bridge.playback.playback import Playback
from contracts import events as e
from contracts.audio import OutFrame
from infra.caller.loudspeaker import Loudspeaker, Report
from infra.caller.manner import Manner
from infra.session.heard_times import HeardTimes
from tests.bridge.agent import RATE_HZ, frames_of

MS = 1_000_000
START_NS = 1_000_000 * MS * 1_000
STEP_MS = 5
TICK_MS = 50
LATE_MS, DRY_MS = 1500, 1200
CLAUSES = (1_500, 4_000, 4_000, 1_800)
"""How long each is, ms."""


@dataclass
class Line:
    """Carries messages in order, each with a delay of its own."""

    delay_ms: Callable[[], float]
    _queue: deque[tuple[float, object]] = field(default_factory=deque)

    def put(self, now_ms: float, message: object) -> None:
        last_ms = self._queue[-1][0] if self._queue else 0
        self._queue.append((max(last_ms, now_ms + self.delay_ms()), message))

    def get(self, now_ms: float) -> list[object]:
        came = []
        while self._queue and self._queue[0][0] <= now_ms:
            came.append(self._queue.popleft()[1])
        return came


class HeardCall:
    """A reply of four clauses, by a slow voice or a quick one, at a client of some manner."""

    def __init__(self, manner: Manner, slow: bool = False, jitter_ms: float = 20, seed: int = 1) -> None:
        made = random.Random(seed)  # a network's whims
        self.manner = manner
        self.now_ms = 0.0
        self.speaker = Loudspeaker(RATE_HZ)
        self.facts: list[e.Event] = []
        self._playback = Playback("s")
        self._clock = ClientClock()
        self._down = Line(lambda: 1 + made.random() * jitter_ms)
        self._up = Line(lambda: 1 + made.random() * jitter_ms)
        self._voice = self._said(slow)
        self._ids = itertools.count()
        self._stalls = deque(manner.stalls)
        self._goes_on_ms: float | None = None
        self._sounding = ""
        self._do(self._playback.connect(self._ns, counts=manner.tells != "nothing"))

    # -- the door

    @property
    def _ns(self) -> int:
        return START_NS + int(self.now_ms * MS)

    def _do(self, commands: list[Command]) -> None:
        for command in commands:
            match command:
                case Say(event):
                    self.facts.append(event)
                case Tell() | SendSound():
                    self._down.put(self.now_ms, command)

    def fact(self, event_class: type[e.Event], **fields: object) -> None:
        names = {"event_id": f"f{next(self._ids)}", "session_id": "s", "time_ns": self._ns, "reply_id": "r"}
        event = event_class.model_validate(names | fields)
        self.facts.append(event)
        self._do(self._playback.on_fact(event, self._ns))

    def _said(self, slow: bool) -> deque[tuple[float, Callable[[], None]]]:
        """Return what synthesis does, and when (ms)."""
        at_ms, acts = 0.0, [(0.0, lambda: self.fact(e.ReplyStarted, text="?"))]
        for index, long_ms in enumerate(CLAUSES):
            words = tuple(range(6_000, long_ms * 24 + 1, 6_000))
            text = " ".join(f"c{index}w{word}" for word in range(len(words)))
            frames = frames_of("r", index, long_ms * 24, words, value=5_000)
            half = len(frames) // 2
            late_ms, dry_ms = (LATE_MS, DRY_MS) if slow and index else (0, 0)
            acts.append((at_ms, lambda index=index, text=text: self.fact(e.ReplyClauseWritten, index=index, text=text)))  # type: ignore[misc]
            at_ms += late_ms
            acts.append((at_ms, lambda frames=frames[:half]: self._publish(frames)))  # type: ignore[misc]
            at_ms += dry_ms
            acts.append((at_ms, lambda frames=frames[half:]: self._publish(frames)))  # type: ignore[misc]
            length = {"index": index, "text": text, "samples": long_ms * 24, "sample_rate_hz": RATE_HZ}
            length |= {"word_end_samples": words}
            acts.append((at_ms, lambda length=length: self.fact(e.ClauseSynthesized, **length)))  # type: ignore[misc]
            at_ms += long_ms if slow else 100  # a slow voice begins the next one when this one was played
        acts.append((at_ms, lambda: self.fact(e.ReplyCompleted, text="…", clauses=len(CLAUSES))))
        return deque(acts)

    def _publish(self, frames: list[OutFrame]) -> None:
        for frame in frames:
            self._do(self._playback.on_frame(frame, self._ns))

    # -- the client

    def _take(self, message: object) -> list[Report]:
        now_s = self.now_ms / 1000
        match message:
            case SendSound(pcm):
                return self.speaker.receive(now_s, self._sounding, pcm)
            case Tell(told):
                if told["type"] == "reply":
                    self._sounding = told["reply_id"]
                return self.speaker.tell(now_s, told)
        return []

    def _tell(self, reports: list[Report]) -> None:
        for report in reports if self.manner.tells != "nothing" else ():
            self._up.put(self.now_ms, (report, self.now_ms))

    def _stall(self) -> bool:
        """Begin or end a stall that is due; return whether the client takes nothing in now."""
        now_s = self.now_ms / 1000
        if self._goes_on_ms is not None and self.now_ms >= self._goes_on_ms:
            self._goes_on_ms = None
            if self._stalls.popleft().how != "reading":
                self._tell(self.speaker.go_on(now_s, self.manner.knows_stalls))
        due = self._stalls and self.speaker.heard_samples >= self._stalls[0].after_s * RATE_HZ
        if due and self._goes_on_ms is None:
            self._goes_on_ms = self.now_ms + self._stalls[0].seconds * 1000
            if self._stalls[0].how != "reading":
                self._tell(self.speaker.stand_still(now_s))
        return self._goes_on_ms is not None and self._stalls[0].how != "sound"

    # -- time

    def run(self, until_ms: float = 60_000) -> None:
        """Go on until the reply is over at the door and at the ear, or until then."""
        while self.now_ms < until_ms and (not self.ends or self.speaker.playing):
            self.step()

    def step(self) -> None:
        """Let `STEP_MS` pass."""
        while self._voice and self._voice[0][0] <= self.now_ms:
            self._voice.popleft()[1]()
        if not self._stall():
            for message in self._down.get(self.now_ms):
                self._tell(self._take(message))
        self._tell(self.speaker.advance(self.now_ms / 1000))
        for came in self._up.get(self.now_ms):
            self._counted(*came)  # type: ignore[misc]
        if self.now_ms % TICK_MS == 0:
            self._do(self._playback.on_tick(self._ns))
        self.now_ms += STEP_MS

    def _counted(self, report: Report, sent_ms: float) -> None:
        at_ns = None
        if self.manner.tells == "times":
            self._clock.see(sent_ms, self._ns)
            at_ns = self._clock.time_ns(report.at_s * 1000, self._ns)
        count = Count(report.samples, at_ns or self._ns, at_ns is not None, report.stalled, report.resumed)
        self._do(self._playback.on_report(report.reply_id, count, self._ns, report.started, report.ended))

    # -- what came of it

    @property
    def ends(self) -> list[e.Event]:
        return [fact for fact in self.facts if isinstance(fact, e.PlaybackFinished | e.PlaybackInterrupted)]

    def distances_ms(self) -> dict[int, float]:
        """Return by how much the facts place each 20 ms of the reply later than the ear; NaN: only one has it."""
        reply, spoken = self.speaker.replies[0], HeardTimes(self.facts).replies["r"]
        found: dict[int, float] = {}
        for sample in range(0, reply.received, 480):
            told_ns = spoken.when_ns(sample, RATE_HZ, begins=True)
            ear = next((p for p in reply.segments if p.first <= sample < p.first + p.count), None)
            if ear is not None and told_ns is not None:
                ear_ms = ear.at_s * 1000 + (sample - ear.first) * 1000 / RATE_HZ
                found[sample] = (told_ns - START_NS) / MS - ear_ms
            elif (ear is None) != (told_ns is None):
                found[sample] = float("nan")
        return found
