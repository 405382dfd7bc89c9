"""When the voice falls silent, by loudness alone: within 30 to 40 ms, however loud it is, and never in noise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.transcript.sound import Samples
from actors.transcript.voice_level import FRAME_SAMPLES, VoiceLevel

RATE_HZ = 16_000


def voice(ms: int, peak: float = 8000) -> Samples:
    """Return a tone as loud as a vowel."""
    return (peak * np.sin(2 * np.pi * 200 * np.arange(ms * RATE_HZ // 1000) / RATE_HZ)).astype(np.int16)


def noise(ms: int, rms: float, seed: int = 1) -> Samples:
    return (
        (np.random.default_rng(seed).standard_normal(ms * RATE_HZ // 1000) * rms).clip(-32768, 32767).astype(np.int16)
    )


def falls_in(sound: Samples, start: int = 0) -> list[int]:
    """Return after how many ms the voice fell silent, each time."""
    level, falls = VoiceLevel(start), list[int]()
    for first in range(0, len(sound), FRAME_SAMPLES):
        before = level.fell_at
        level.hear(sound[first : first + FRAME_SAMPLES])
        if level.fell_at is not None and level.fell_at != before:
            falls.append((level.fell_at - start) * 1000 // RATE_HZ)
    return falls


def test_the_voice_has_fallen_30_ms_after_its_last_sound() -> None:
    assert falls_in(np.concatenate([noise(500, 5), voice(400), noise(300, 5)])) == [930]


def test_a_place_is_told_in_samples_of_the_track() -> None:
    sound = np.concatenate([voice(400), noise(100, 5)])
    assert falls_in(sound, 51_200) == falls_in(sound)


@given(st.lists(st.integers(-32, 32), min_size=16, max_size=400))
def test_silence_is_no_fall(samples: list[int]) -> None:
    assert falls_in(np.repeat(np.array(samples, np.int16), 40)) == []


@given(st.floats(1, 8000), st.integers(0, 1000))
def test_steady_noise_is_no_fall(rms: float, seed: int) -> None:
    assert falls_in(noise(2000, rms, seed)) == []


@given(st.floats(0.25, 4.0))
def test_how_loud_somebody_is_changes_nothing(factor: float) -> None:
    sound = np.concatenate(
        [noise(500, 130), voice(400, 8000), noise(200, 130, 2), voice(300, 5000), noise(200, 130, 3)]
    )
    assert falls_in((sound * factor).astype(np.int16)) == falls_in(sound) == [930, 1430]


@given(st.lists(st.integers(0, 700), max_size=40))
def test_in_which_portions_sound_comes_changes_nothing(portions: list[int]) -> None:
    sound = np.concatenate([noise(300, 20), voice(300), noise(60, 20), voice(100), noise(200, 20)])
    whole, level, at = VoiceLevel(0), VoiceLevel(0), 0
    whole.hear(sound[: sum(portions)])
    for portion in portions:
        level.hear(sound[at : min(len(sound), at + portion)])
        at = min(len(sound), at + portion)
    assert (level.fell_at, level.heard_to) == (whole.fell_at, whole.heard_to)


@pytest.mark.parametrize("below_db", [20, 10, 5])
def test_in_loud_noise_the_voice_is_not_seen_to_fall(below_db: float) -> None:
    rms = 8000 / np.sqrt(2) * 10 ** (-below_db / 20)
    assert falls_in(np.concatenate([noise(500, rms), voice(400) // 2 + noise(400, rms), noise(300, rms)])) == []


def test_a_short_stop_within_a_word_is_no_fall() -> None:
    assert falls_in(np.concatenate([voice(300), noise(20, 5), voice(300)])) == []


def test_what_rises_again_has_not_fallen_and_the_end_of_a_t_is_heard_before_it_falls_again() -> None:
    level = VoiceLevel(0)
    level.hear(np.concatenate([voice(300), noise(60, 5)]))
    assert level.fell_at == 330 * 16
    level.hear(noise(20, 2000))
    assert level.fell_at is None
    level.hear(noise(60, 5, 2))
    assert level.fell_at == 410 * 16
