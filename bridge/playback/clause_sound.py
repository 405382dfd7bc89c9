"""The sound of one clause, assembled from frames that may arrive late, twice, or not at all."""

from collections import deque
from dataclasses import dataclass, field

from contracts.audio import OutFrame
from contracts.events import ClauseSynthesized, ReplyClauseWritten
from infra.session.heard_words import SaidClause

MAX_EARLY_FRAMES = 500
"""Frames kept after a gap (10 s); later ones are dropped and requested again together with the gap."""


@dataclass(slots=True)
class ClauseSound:
    """State of a clause: its words, its sound so far, and how often that was requested again."""

    index: int
    written: ReplyClauseWritten | None = None
    written_ns: int = 0
    synthesized: ClauseSynthesized | None = None
    synthesized_ns: int = 0
    received_samples: int = 0
    """Samples without a gap from the clause's start."""
    sent_samples: int = 0
    total_samples: int | None = None
    word_end_samples: tuple[int, ...] = ()
    first_frame_ns: int = 0
    last_frame_ns: int = 0
    asking: bool = False
    asked_ns: int = 0
    patience: int = 10
    skipped: bool = False
    _ready: deque[bytes] = field(default_factory=deque)
    _early: dict[int, bytes] = field(default_factory=dict)

    def add(self, frame: OutFrame, now_ns: int) -> None:
        """Add a frame. Sound that has arrived already is dropped; sound after a gap waits until the gap is closed."""
        if self.complete:
            return
        self.first_frame_ns = self.first_frame_ns or now_ns
        self.last_frame_ns = now_ns
        if frame.last:
            self.total_samples = frame.first_sample + len(frame.pcm) // 2
        self.word_end_samples = frame.word_end_samples or self.word_end_samples
        if frame.first_sample > self.received_samples:
            if frame.pcm and len(self._early) < MAX_EARLY_FRAMES:
                self._early[frame.first_sample] = frame.pcm
            return
        self._append(frame.first_sample, frame.pcm)
        self._close_gap()

    def _close_gap(self) -> None:
        while self._early and (first := min(self._early)) <= self.received_samples:
            self._append(first, self._early.pop(first))
        if self.complete:
            self._early.clear()

    def _append(self, first_sample: int, pcm: bytes) -> None:
        fresh = pcm[(self.received_samples - first_sample) * 2 :]
        if fresh:
            self._ready.append(fresh)
            self.received_samples += len(fresh) // 2

    def learn(self, event: ClauseSynthesized, now_ns: int) -> None:
        """Apply synthesis's report about the clause: its length, and where its words end."""
        self.synthesized, self.synthesized_ns = event, now_ns

    @property
    def length_samples(self) -> int | None:
        """Its length, as far as that is known."""
        if self.total_samples is None and self.synthesized is not None:
            return self.synthesized.samples
        return self.total_samples

    @property
    def complete(self) -> bool:
        """Whether all of its sound has arrived."""
        length = self.length_samples
        return length is not None and self.received_samples >= length

    @property
    def has_sound(self) -> bool:
        """Whether there is sound that was not taken yet."""
        return bool(self._ready)

    def take(self) -> bytes:
        """Return the sound that can be played next, and drop it here."""
        pcm = b"".join(self._ready)
        self._ready.clear()
        self.sent_samples += len(pcm) // 2
        return pcm

    def resume_at(self, sample: int) -> None:
        """Count what is before `sample` as sent, and continue there; sound that was dropped has to be sent again."""
        here = b"".join(self._ready)
        first = self.received_samples - len(here) // 2
        self._ready.clear()
        if first <= sample < self.received_samples:
            self._ready.append(here[(sample - first) * 2 :])
        else:
            self.received_samples = sample
        self.sent_samples = sample
        self._close_gap()

    def skip(self) -> None:
        """Give the clause up: what has arrived is played, the rest is not waited for."""
        self.skipped = True
        self._early.clear()

    def drop(self) -> None:
        """Drop the sound: the reply is over."""
        self._ready.clear()
        self._early.clear()

    def said(self) -> SaidClause:
        """Return the clause as it is played to the listener."""
        text = self.written.text if self.written else self.synthesized.text if self.synthesized else ""
        if self.synthesized is not None and self.synthesized.unsaid:
            text = ""  # an apology was heard in its place
        word_ends = self.word_end_samples or (self.synthesized.word_end_samples if self.synthesized else ())
        known = self.length_samples
        length = max(known, self.sent_samples) if known is not None else None
        return SaidClause(self.index, text, self.sent_samples, length, word_ends)
