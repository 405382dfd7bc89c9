"""Echo path: an adaptive filter that predicts a microphone's echo from the sound that was played. Pure.

Partitioned-block frequency-domain Kalman filter (Enzner and Vary, "Frequency-domain adaptive Kalman filter for
acoustic echo control in hands-free telephones", 2006; partitioned by Kuech, Mabande and Enzner, 2014): its step follows
from how sure it is of each bin and from what it could not explain, so somebody who speaks over the echo does not
disturb it.
"""

import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.float64]

BLOCK_SAMPLES = 256
"""16 ms at 16 kHz."""

PARTITIONS = 8
"""The path is this many blocks long: 128 ms."""

FORGET = 0.9995
"""How much of the path is assumed to be the same one block later."""

_DECAY = 0.3
"""The share of one block's power in the next one's, in a room."""

_LEAST_POWER = 1.0
_SMOOTH = 0.7
"""The share of the last block's unexplained power in this one's."""


class EchoPath:
    """The path from what was played to what was heard of it; blocks must be given in order, and aligned."""

    def __init__(self, gain: float) -> None:
        """Start with only the loudness of the echo: `gain` times what was played."""
        bins = BLOCK_SAMPLES + 1
        self._path = np.zeros((PARTITIONS, bins), np.complex128)
        self._unsure = np.full((PARTITIONS, bins), gain**2) * _DECAY ** np.arange(PARTITIONS)[:, None]
        self._played = np.zeros((PARTITIONS, bins), np.complex128)
        self._last = np.zeros(BLOCK_SAMPLES)
        self._unexplained: npt.NDArray[np.float64] | None = None

    def forget_played(self) -> None:
        """Start over with what was played; the path stays."""
        self._played[:] = 0
        self._last = np.zeros(BLOCK_SAMPLES)

    def hear(self, played: Sound, heard: Sound) -> Sound:
        """Return the echo that a block of the microphone should hold, and learn from what it does hold."""
        self._played = np.roll(self._played, 1, axis=0)
        self._played[0] = np.fft.rfft(np.concatenate([self._last, played]))
        self._last = played
        echo = np.fft.irfft((self._played * self._path).sum(axis=0))[BLOCK_SAMPLES:]
        error = np.fft.rfft(np.concatenate([np.zeros(BLOCK_SAMPLES), heard - echo]))
        self._learn(error)
        return echo

    def _learn(self, error: npt.NDArray[np.complex128]) -> None:
        power = np.abs(self._played) ** 2
        now = np.abs(error) ** 2
        before = now if self._unexplained is None else self._unexplained
        self._unexplained = _SMOOTH * before + (1 - _SMOOTH) * now
        expected = 0.5 * (power * self._unsure).sum(axis=0) + self._unexplained + _LEAST_POWER
        step = self._unsure / expected
        change = np.fft.irfft(step * np.conj(self._played) * error, axis=1)
        change[:, BLOCK_SAMPLES:] = 0
        self._path += np.fft.rfft(change, axis=1)
        self._unsure = FORGET**2 * (1 - 0.5 * step * power) * self._unsure + (1 - FORGET**2) * np.abs(self._path) ** 2
