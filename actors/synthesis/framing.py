"""From an engine's sound to frames at the door's rate, with the place of every word."""

from collections.abc import Iterator

import numpy as np
import soxr

from contracts.audio import FRAME_MS, MAX_OUT_FRAME_MS, OutFrame
from infra.engines.voice import SynthesizedSound
from infra.engines.word_ends import estimated_word_ends
from infra.spoken.mapped import SpokenText

NEAR_SILENCE = 300
"""Absolute int16 level below which a sample counts as silence."""

_QUALITY = {"soxr-hq": "HQ", "soxr-mq": "MQ", "soxr-lq": "LQ"}


VoicedSpan = tuple[int, int] | None
"""First sample of the voice and the one after its last; None if there is none."""


class ClauseFrames:
    """Cuts the sound of one clause into frames of 20 to 100 ms at `rate_hz` (None: the rate that comes first).

    They are as long as the sound that is available: none of it waits for more.

    If an engine fails midway, call `restart`: the next engine says the clause again after what was already sent.
    """

    def __init__(self, reply_id: str, index: int, text: str, rate_hz: int | None, quality: str = "soxr-mq") -> None:
        self.samples = 0
        self.engine = ""
        self.unsaid = False
        """Whether the sound is the notice that the clause cannot be said, instead of the clause."""
        self.word_end_samples: tuple[int, ...] = ()
        self._reply_id, self._index, self._written = reply_id, index, text
        self._said: SpokenText | None = None
        self._rate_hz = rate_hz
        self._quality = _QUALITY.get(quality, "MQ")
        self._resampler: soxr.ResampleStream | None = None
        self._in_rate_hz = 0
        self._rest = b""
        self._told_s: list[float] = []
        self._tells_words = False
        self._start = 0
        self.voiced: VoicedSpan = None
        """Where the voice is heard, for an engine that does not tell where words end."""

    @property
    def sample_rate_hz(self) -> int:
        """Rate of the frames; 24 kHz if there has been no sound to take it from."""
        return self._rate_hz or 24_000

    def push(self, sound: SynthesizedSound) -> Iterator[OutFrame]:
        """Yield the frames that this sound completes."""
        self.engine, self._said, self.unsaid = sound.engine, sound.said, sound.unsaid
        self._told_s += sound.word_ends_s
        self._tells_words = bool(sound.word_ends_s)
        if sound.sample_rate_hz != self._in_rate_hz:
            yield from self._end_of_engine()
            self._rate_hz = self._rate_hz or sound.sample_rate_hz
            self._in_rate_hz = sound.sample_rate_hz
            if self._in_rate_hz != self._rate_hz:
                self._resampler = soxr.ResampleStream(
                    self._in_rate_hz, self._rate_hz, 1, dtype="int16", quality=self._quality
                )
        yield from self._cut(self._converted(sound.pcm))

    def restart(self) -> Iterator[OutFrame]:
        """Yield what the failed engine still had pending, and drop its word ends."""
        yield from self._end_of_engine()
        self._in_rate_hz = 0
        self._told_s = []
        self._start, self.voiced = self.samples + len(self._rest) // 2, None

    def end_of_sound(self) -> Iterator[OutFrame]:
        """Yield what is still pending of the sound, whose end has come; `voiced` is complete then."""
        yield from self._end_of_engine()

    def finish(self) -> Iterator[OutFrame]:
        """Yield the remaining frames; the last is flagged, and holds the ends of the words."""
        yield from self._end_of_engine()
        first_sample = self.samples
        self.samples += len(self._rest) // 2
        self.word_end_samples = self._word_ends()
        rate_hz = self.sample_rate_hz
        yield OutFrame(self._reply_id, self._index, first_sample, rate_hz, self._rest, True, self.word_end_samples)
        self._rest = b""

    def _converted(self, pcm: bytes) -> bytes:
        if self._resampler is None:
            return pcm
        return bytes(self._resampler.resample_chunk(np.frombuffer(pcm, np.int16)).tobytes())

    def _end_of_engine(self) -> Iterator[OutFrame]:
        if self._resampler is not None:
            tail = self._resampler.resample_chunk(np.empty(0, np.int16), last=True)
            self._resampler = None
            yield from self._cut(bytes(tail.tobytes()))

    def _cut(self, pcm: bytes) -> Iterator[OutFrame]:
        self._note_voice(pcm)
        pcm = self._rest + pcm
        size = 2 * self.sample_rate_hz * FRAME_MS // 1000
        longest = size * MAX_OUT_FRAME_MS // FRAME_MS
        whole = len(pcm) - len(pcm) % size
        for offset in range(0, whole, longest):
            piece = pcm[offset : min(offset + longest, whole)]
            words = self._told_words() if self._tells_words else ()
            yield OutFrame(self._reply_id, self._index, self.samples, self.sample_rate_hz, piece, False, words)
            self.samples += len(piece) // 2
            self._tells_words = False
        self._rest = pcm[whole:]

    def _note_voice(self, pcm: bytes) -> None:
        sound = np.frombuffer(pcm, np.int16)
        heard = (sound > NEAR_SILENCE) | (sound < -NEAR_SILENCE)
        if heard.any():
            at = self.samples + len(self._rest) // 2
            first = at + int(heard.argmax()) if self.voiced is None else self.voiced[0]
            self.voiced = (first, at + len(heard) - int(heard[::-1].argmax()))

    def _word_ends(self) -> tuple[int, ...]:
        """Return the engine's word ends if it gave all of them, else an estimate over the voiced part."""
        if self.samples == 0 or self.unsaid:
            return ()
        if told := self._told_words():
            return tuple(min(end, self.samples) for end in told)
        said = (self._said.text if self._said else self._written).split()
        estimated = estimated_word_ends(said, *(self.voiced or (self._start, self.samples)), self.samples)
        return tuple(map(int, self._said.written_ends(estimated))) if self._said else estimated

    def _told_words(self) -> tuple[int, ...]:
        """Return the engine's word ends if it gave all of them, possibly before their sound."""
        ends = tuple(self._start + round(end * self.sample_rate_hz) for end in self._told_s)
        is_all = len(ends) == len(self._written.split()) and not self.unsaid
        return ends if is_all and ends == tuple(sorted(ends)) else ()
