import numpy as np
import pytest

from infra.engines.moonshine_model import MoonshineModel, Sound, loop_start, quietest, vocabulary
from tests.speech import recorded


def test_a_decoding_that_goes_round_in_circles_is_cut_after_the_first_round() -> None:
    assert loop_start([5, 6, *[1, 2, 3] * 4]) == 5
    assert loop_start([5, 6, *[7] * 9]) == 3
    assert loop_start([*[1, 2, 3, 4] * 5]) == 4
    assert loop_start([9, *[1, 2, 3, 4, 5, 6] * 3]) == 7


def test_a_decoding_that_repeats_itself_as_people_do_goes_on() -> None:
    for tokens in ([7] * 8, [1, 2] * 8, [1, 2, 3] * 3, list(range(50)), []):
        assert loop_start(tokens) is None


def test_sound_is_parted_where_it_is_quietest() -> None:
    sound = np.ones(48_000, np.float32)
    sound[20_000:23_000] = 0
    assert 20_000 <= quietest(sound) <= 23_000


def test_the_vocabulary_is_read_from_its_packed_bytes() -> None:
    long = b"x" * 200
    packed = b"\0" + b"\x03<s>" + b"\x06<0x41>" + b"\x02hi" + bytes([128 + 200 % 128, 200 // 128]) + long
    assert vocabulary(packed) == [b"", b"", b"A", b"hi", long]
    with pytest.raises(ValueError, match="cut short"):
        vocabulary(b"\x05ab")


@pytest.fixture(scope="module")
def model() -> MoonshineModel:
    return MoonshineModel()


def _sound(name: str) -> Sound:
    return recorded(name).astype(np.float32) / np.float32(32768)


@pytest.mark.engines
def test_it_is_surer_of_speech_than_of_the_same_backwards(model: MoonshineModel) -> None:
    forwards, backwards = model.hear(_sound("what_time")), model.hear(_sound("what_time")[::-1].copy())
    assert forwards.text == "What time is it?"
    assert forwards.confidence > 0.8 > 0.6 > backwards.confidence


@pytest.mark.engines
def test_sound_of_any_length_is_heard(model: MoonshineModel) -> None:
    for samples in (1, 1_000, 1_600):
        assert 0 <= model.hear(np.zeros(samples, np.float32)).confidence <= 1
