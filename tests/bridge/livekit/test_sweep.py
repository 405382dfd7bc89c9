"""The sound by which offsets are measured: its places are read right, also where a busy machine tore holes into it."""

import numpy as np
import pytest

from tests.bridge.agent import RATE_HZ
from tests.bridge.livekit.sweep import heard_from_ms, heard_to_ms, sweep

REPLY = sweep(3 * RATE_HZ)
READ_TO_MS = 5


def part(from_ms: float, to_ms: float) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    return REPLY[int(from_ms * RATE_HZ / 1000) : int(to_ms * RATE_HZ / 1000)]


def silence(length_ms: float) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    return np.zeros(int(length_ms * RATE_HZ / 1000), np.int16)


@pytest.mark.parametrize(("from_ms", "to_ms"), [(0, 300), (450, 1050), (1111, 2020), (2500, 3000)])
def test_where_a_part_of_the_reply_begins_and_ends_is_read_off_its_sound(from_ms: int, to_ms: int) -> None:
    sound = np.concatenate([silence(70), part(from_ms, to_ms), silence(100)])
    assert heard_from_ms(sound) == pytest.approx(from_ms, abs=READ_TO_MS)
    assert heard_to_ms(sound) == pytest.approx(to_ms, abs=READ_TO_MS)


@pytest.mark.parametrize("hole_ms", [3, 10, 40, 200])
@pytest.mark.parametrize("piece_ms", [0.3, 1, 5, 10, 20, 39])
def test_a_hole_near_either_end_changes_no_place(hole_ms: float, piece_ms: float) -> None:
    first, last = 450.0, 1050.0
    parts = [part(first, first + piece_ms), part(first + piece_ms, last - piece_ms), part(last - piece_ms, last)]
    sound = np.concatenate([parts[0], silence(hole_ms), parts[1], silence(hole_ms), parts[2], silence(100)])
    assert heard_from_ms(sound) == pytest.approx(first, abs=READ_TO_MS)
    assert heard_to_ms(sound) == pytest.approx(last, abs=READ_TO_MS)


def test_sound_that_is_faded_in_counts_from_where_it_begins() -> None:
    heard = part(450, 1050).astype(float)
    heard[: RATE_HZ // 25] *= np.linspace(0.08, 1, RATE_HZ // 25)
    sound = np.concatenate([silence(70), heard.astype(np.int16), silence(100)])
    assert heard_from_ms(sound) == pytest.approx(450, abs=READ_TO_MS)


def test_silence_was_heard_to_no_place() -> None:
    assert heard_to_ms(silence(500)) == 0
