"""Sound brought back to the zero line: a constant part (of a cheap sound card) deafens detection and recognition."""

import math
from dataclasses import replace

import numpy as np

from contracts.audio import IN_SAMPLE_RATE_HZ, InFrame

SETTLED_SAMPLES = 0.4 * IN_SAMPLE_RATE_HZ
"""Time constant for following the constant part: 0.4 s is far below any voice."""

UNHEARD = 32
"""Up to this level, 60 dB below full scale, nothing is changed."""


class ZeroLine:
    """Follows the constant part of one track and removes it."""

    def __init__(self) -> None:
        self._offset: float | None = None

    def centred(self, frame: InFrame) -> InFrame:
        """Return the frame without it."""
        pcm = np.frombuffer(frame.pcm, "<i2")
        if not len(pcm):
            return frame
        mean = int(np.add.reduce(pcm, dtype=np.int64)) / len(pcm)
        if self._offset is None:
            self._offset = mean
        self._offset += (mean - self._offset) * (1 - math.exp(-len(pcm) / SETTLED_SAMPLES))
        if abs(self._offset) <= UNHEARD:
            return frame
        moved = np.clip(pcm.astype(np.int32) - round(self._offset), -32768, 32767)
        return replace(frame, pcm=moved.astype("<i2").tobytes())
