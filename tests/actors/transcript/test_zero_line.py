from typing import Any

import numpy as np
import numpy.typing as npt

from actors.transcript.zero_line import UNHEARD, ZeroLine
from contracts.audio import InFrame

FRAME = 320


def through(samples: npt.NDArray[Any]) -> npt.NDArray[np.int16]:
    line = ZeroLine()
    frames = [samples[first : first + FRAME] for first in range(0, len(samples), FRAME)]
    centred = [line.centred(InFrame("t-1", 0, 0, frame.astype("<i2").tobytes())) for frame in frames]
    return np.concatenate([np.frombuffer(frame.pcm, np.int16) for frame in centred])


def test_a_constant_part_is_taken_out() -> None:
    voice = 3_000 * np.sin(np.arange(32_000) * 2 * np.pi * 150 / 16_000)
    for offset in (-9_000, 1_638, 12_000):
        heard = through(voice + offset)
        assert abs(heard[16_000:].mean()) <= UNHEARD + 1
        assert np.corrcoef(heard[16_000:], voice[16_000:])[0, 1] > 0.99


def test_an_offset_that_comes_later_is_followed() -> None:
    heard = through(np.concatenate([np.zeros(16_000), np.full(48_000, 6_000)]))
    assert abs(heard[-FRAME:].mean()) <= UNHEARD + 1


def test_sound_on_the_line_stays_as_it_is() -> None:
    voice = (8_000 * np.sin(np.arange(16_000) * 2 * np.pi * 200 / 16_000)).astype(np.int16)
    assert np.array_equal(through(voice), voice)
    empty = InFrame("t-1", 0, 0, b"")
    assert ZeroLine().centred(empty) == empty
