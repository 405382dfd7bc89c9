"""When the voice falls silent, by its loudness alone: sooner than the voice detector notices, but not as surely. Pure.

Over 22 calls and 60 recordings of synthetic voices it falls 62 and 73 ms (medians) before the detector's first silent
window, and twice in a second of speech. With noise 20 dB below the voice it hardly ever does.
"""

import math

import numpy as np

from actors.transcript.endpointing import SAMPLES_PER_MS
from actors.transcript.sound import Samples

FRAME_SAMPLES = 10 * SAMPLES_PER_MS
MEAN_FRAMES = 3
"""Loudness is that of the last 30 ms, each 10 ms: a stop within a word is about as long."""

SILENT_DB = 30.0
"""Sound up to 32 steps, 60 dB below full scale, is as good as none."""

LEAST_FALL_DB = 25.0
FALL_SHARE = 0.8
"""By how much the voice falls: by this share of its height above the noise."""

RISE_DB = 3.0
"""How much louder than where it falls is a rise: noise varies, too."""

FADING_DB = 0.15
"""By how much less loud the voice is taken to be with each frame that is fainter: 15 dB a second."""

CREEPING_DB = 0.03
"""By how much louder the noise is taken to be with each frame that is louder: 3 dB a second."""

VOICED_FRAMES = 3
"""How long it must be louder before it falls: not longer than the end of a "t" is heard."""


class VoiceLevel:
    """Follows the loudness of one track, from sample `start` on."""

    def __init__(self, start: int) -> None:
        self.heard_to = start
        """Up to where sound was heard."""
        self.fell_at: int | None = None
        """The sample at which the voice had fallen silent; None if it has risen since, or has not fallen."""
        self._rest: Samples = np.zeros(0, np.int16)
        self._powers: list[float] = []
        self._voice_db, self._noise_db = -math.inf, math.inf
        self._voiced = 0

    def hear(self, samples: Samples) -> None:
        """Follow what comes next."""
        at = self.heard_to - len(self._rest)
        self.heard_to += len(samples)
        samples = np.concatenate([self._rest, samples])
        whole = len(samples) // FRAME_SAMPLES * FRAME_SAMPLES
        self._rest = samples[whole:]
        for power in np.mean(samples[:whole].reshape(-1, FRAME_SAMPLES).astype(np.float64) ** 2, axis=1):
            at += FRAME_SAMPLES
            self._powers = [*self._powers[1 - MEAN_FRAMES :], float(power)]
            mean = sum(self._powers) / len(self._powers)
            self._follow(at, max(SILENT_DB, 10 * math.log10(mean + 1.0)))

    def _follow(self, at: int, level_db: float) -> None:
        """Take that the sound up to `at` is so loud."""
        self._noise_db = min(level_db, self._noise_db + CREEPING_DB)
        self._voice_db = max(level_db, self._voice_db - FADING_DB)
        silent_db = self._voice_db - max(LEAST_FALL_DB, FALL_SHARE * (self._voice_db - self._noise_db))
        if self.fell_at is not None:
            if level_db >= silent_db + RISE_DB:
                self.fell_at, self._voiced = None, 1
        elif level_db >= silent_db:
            self._voiced += 1
        elif self._voiced >= VOICED_FRAMES:
            self.fell_at, self._voiced = at, 0
