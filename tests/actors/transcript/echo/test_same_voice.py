"""A caller whose voice is the agent's own: every recording here is. What there is of an echo goes, the words stay."""

import numpy as np
import numpy.typing as npt
import pytest

from actors.transcript.echo.canceller import EchoCanceller
from actors.transcript.endpointing import WINDOW_SAMPLES
from tests.speech import RATE_HZ, recorded, silence

pytestmark = pytest.mark.slow

Sound = npt.NDArray[np.float64]

SAYINGS = [f"calls/plain-{number:02}" for number in range(1, 13)] + [
    f"calls/pause-{number:02}" for number in range(1, 11)
]
EDGE = RATE_HZ // 5
BEGINS = RATE_HZ // 2
AGENT_S, CALL_S = 6, 8
NOISE = silence(CALL_S * 1000).astype(np.float64)


class Played:
    """Playback that is known to have begun at `BEGINS`."""

    version = 1

    def __init__(self, agent: Sound) -> None:
        self._line = np.concatenate([np.zeros(3 * RATE_HZ + BEGINS), agent, np.zeros(6 * RATE_HZ)])

    def played(self, start: int, end: int) -> Sound:
        return self._line[start + 3 * RATE_HZ : end + 3 * RATE_HZ]

    def sounds(self, start: int, end: int) -> bool:
        return bool(np.any(self.played(start, end)))


def voices(seed: int) -> tuple[Sound, Sound]:
    """Return what the agent and what a caller of the same voice says: other sentences, in an order of the seed's."""
    order = np.random.default_rng(seed).permutation(SAYINGS)
    agent, caller = (
        np.concatenate([recorded(name)[EDGE:-EDGE].astype(np.float64) for name in names])
        for names in (order[:11], order[11:])
    )
    return agent[: AGENT_S * RATE_HZ], caller


def line(sound: Sound, first: int, db: float, end: int = CALL_S * RATE_HZ) -> Sound:
    """Return a call on which a sound begins at that sample."""
    made = np.zeros(CALL_S * RATE_HZ)
    made[first:end] = (
        sound[: end - first] if len(sound) >= end - first else np.pad(sound, (0, end - first - len(sound)))
    )
    return made * 10 ** (db / 20)


def cleaned(microphone: Sound, canceller: EchoCanceller) -> Sound:
    """Return the call as it is heard, windows of 32 ms after each other."""
    samples = np.clip(np.round(microphone + NOISE), -32768, 32767).astype(np.int16)
    for first in range(0, len(samples) - WINDOW_SAMPLES + 1, WINDOW_SAMPLES):
        window = samples[first : first + WINDOW_SAMPLES]
        if canceller.hears_playback(first):
            samples[first : first + WINDOW_SAMPLES] = canceller.clean(first, window)
        else:
            canceller.overhear(window)
    return samples.astype(np.float64)


def db_of(sound: Sound, other: Sound) -> float:
    return float(10 * np.log10(np.mean(sound**2) / np.mean(other**2)))


@pytest.mark.parametrize("seed", range(8))
def test_without_an_echo_not_a_sample_is_changed(seed: int) -> None:
    agent, caller = voices(seed)
    microphone = line(caller, BEGINS + (100 + 400 * seed) * RATE_HZ // 1000, [0, -6, -12][seed % 3])
    canceller = EchoCanceller(Played(agent))
    heard = cleaned(microphone, canceller)
    assert np.array_equal(heard, np.clip(np.round(microphone + NOISE), -32768, 32767))
    assert not canceller.echoes


SWEEP = [(delay_ms, db) for delay_ms in (20, 75, 150, 260, 400) for db in (-12, -25, -40)]


@pytest.mark.parametrize(("delay_ms", "db"), SWEEP)
def test_an_echo_is_taken_out_whatever_its_level_and_delay(delay_ms: int, db: float) -> None:
    agent, _ = voices(delay_ms - round(db))
    echo = line(agent, BEGINS + delay_ms * RATE_HZ // 1000, db)
    left = cleaned(echo, EchoCanceller(Played(agent))) - NOISE
    later = slice(BEGINS + RATE_HZ, BEGINS + AGENT_S * RATE_HZ)
    assert db_of(echo[later], left[later]) > 15


@pytest.mark.parametrize(("delay_ms", "db"), SWEEP)
def test_who_speaks_over_an_echo_keeps_every_word(delay_ms: int, db: float) -> None:
    agent, caller = voices(delay_ms - round(db))
    echo = line(agent, BEGINS + delay_ms * RATE_HZ // 1000, db)
    begins, ends = BEGINS + 2 * RATE_HZ, BEGINS + 5 * RATE_HZ
    own = line(caller, begins, -6, ends)
    heard = cleaned(echo + own, EchoCanceller(Played(agent))) - NOISE
    said, kept = own[begins:ends], heard[begins:ends]
    assert db_of(kept - said, said) < -15
