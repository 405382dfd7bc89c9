"""What a track does with a window of sound: the echo is taken out, and speech is noticed in the rest."""

import numpy as np
import numpy.typing as npt

from actors.transcript.echo.canceller import EchoCanceller
from actors.transcript.endpointing import WINDOW_SAMPLES, Tuning, VadState, hear
from infra.engines.vad import SileroVad
from tests.speech import RATE_HZ, silence


class Listening:
    """Takes windows in order; `begins_s` is when speech was noticed."""

    def __init__(self, canceller: EchoCanceller, vad: SileroVad) -> None:
        self._canceller = canceller
        self._model = vad.track()
        self._hearing = VadState()
        self.begins_s: list[float] = []

    async def hear(self, first: int, window: npt.NDArray[np.int16]) -> None:
        """Take the window whose first sample is number `first`."""
        may_echo = self._canceller.hears_playback(first)
        if may_echo:
            window = self._canceller.clean(first, window)
        else:
            self._canceller.overhear(window)
        (probability,) = await self._model.probabilities(window)
        if may_echo:
            probability = self._canceller.judged(first, probability, self._hearing.speaking)
        was_speaking = self._hearing.speaking
        self._hearing, _ = hear(self._hearing, first, probability, Tuning())
        if self._hearing.speaking and not was_speaking:
            self.begins_s.append((first + WINDOW_SAMPLES) / RATE_HZ)


def in_a_quiet_room(sound: npt.NDArray[np.float64]) -> npt.NDArray[np.int16]:
    """Return what a microphone makes of a sound (16 kHz): with the room's noise, as whole numbers."""
    noise = silence(len(sound) * 1000 // RATE_HZ + 1)[: len(sound)]
    return np.clip(np.round(sound + noise), -32768, 32767).astype(np.int16)
