"""The recorded test speech of `tests/data`, as samples."""

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE_HZ = 16_000
DATA = Path(__file__).parent / "data"


def recorded(name: str) -> npt.NDArray[np.int16]:
    """Return `tests/data/<name>.wav` (int16, 16 kHz, mono)."""
    with wave.open(str(DATA / f"{name}.wav")) as wav:
        return np.frombuffer(wav.readframes(wav.getnframes()), np.int16)


def silence(ms: int) -> npt.NDArray[np.int16]:
    """Return `ms` of faint room noise: real microphones are never quite silent."""
    return np.random.default_rng(0).normal(0, 10, ms * RATE_HZ // 1000).astype(np.int16)


def crowd(ms: int, people: int = 24) -> npt.NDArray[np.int16]:
    """Return `ms` of many people of different voices who all speak at once, none of them understandable."""
    samples = ms * RATE_HZ // 1000
    one = np.concatenate([recorded(f"calls/plain-{number:02}") for number in range(1, 13)]).astype(np.float64)
    mixed = np.zeros(samples)
    for person in range(people):
        pitch = 0.75 + 0.5 * person / people
        heard = np.arange(samples) * pitch + person * len(one) / people
        mixed += one[heard.astype(np.int64) % len(one)]
    return np.asarray(mixed / np.abs(mixed).max() * 12_000, np.int16)
