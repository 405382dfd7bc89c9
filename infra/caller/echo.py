"""A microphone beside a loudspeaker: it also hears the agent, later and fainter."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from infra.caller.manner import Echo
from infra.caller.microphone import FRAMES_PER_S, Microphone
from infra.caller.wav import Samples

Heard = Callable[[float, float], tuple[float, Samples, int]]
"""Returns what was heard in an interval of the caller's time: when it begins (s), its samples and their rate."""


class EchoingMicrophone(Microphone):
    """Hears utterances like any microphone, mixed with what the agent said `delay_ms` before."""

    def __init__(self, rate_hz: int, heard: Heard, echo: Echo, frames_per_s: int = FRAMES_PER_S) -> None:
        super().__init__(rate_hz, frames_per_s)
        self._heard = heard
        self._echo = echo

    def frame(self) -> bytes:
        """Return the next frame: 16-bit little endian."""
        first = self.position
        own = np.frombuffer(super().frame(), "<i2")
        times_s = (first + np.arange(len(own))) / self.rate_hz - self._echo.delay_ms / 1000
        both = own + 10 ** (self._echo.db / 20) * self._at(times_s)
        return np.clip(np.round(both), -32768, 32767).astype("<i2").tobytes()

    def _at(self, times_s: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        begin_s, samples, rate_hz = self._heard(float(times_s[0]), float(times_s[-1]))
        if not len(samples):
            return np.zeros(len(times_s))
        known_s = begin_s + np.arange(len(samples)) / rate_hz
        return np.interp(times_s, known_s, samples.astype(np.float64), left=0, right=0)


def laid_out(pieces: list[tuple[float, Samples]], begin_s: float, end_s: float, rate_hz: int) -> Samples:
    """Return `[begin_s, end_s)` of a line of sound with each piece at its time."""
    line: Samples = np.zeros(max(0, round((end_s - begin_s) * rate_hz)), np.int16)
    for at_s, samples in pieces:
        at = round((at_s - begin_s) * rate_hz)
        piece = samples[max(0, -at) : max(0, len(line) - at)]
        line[max(0, at) : max(0, at) + len(piece)] = piece
    return line
