"""Opus on a fixed grid: what goes in comes out where it was."""

import io
from itertools import pairwise

import av
import numpy as np
import numpy.typing as npt
import pytest

from infra.session.opus import PACKET_SAMPLES, SILENT_PACKET, WARM_UP_PACKETS, Decoder, encode, packets_up_to, webm

Samples = npt.NDArray[np.int16]


def _chirp(packets: int) -> Samples:
    times = np.arange(packets * PACKET_SAMPLES) / 48_000
    left = 8000 * np.sin(2 * np.pi * (200 + 300 * times) * times)
    return np.stack((left, -left / 2), axis=1).astype(np.int16)


def _encoded(sound: Samples, first: int, end: int) -> list[bytes]:
    start = first - WARM_UP_PACKETS
    before = np.zeros((max(0, -start) * PACKET_SAMPLES, 2), np.int16)
    return encode(np.concatenate((before, sound[max(0, start) * PACKET_SAMPLES : end * PACKET_SAMPLES])))


def _signal_to_noise_db(sound: Samples, heard: Samples) -> float:
    noise = np.sum((sound.astype(float) - heard.astype(float)) ** 2)
    return float(10 * np.log10(np.sum(sound.astype(float) ** 2) / noise))


@pytest.mark.parametrize("cuts", [(0, 200), (0, 50, 100, 150, 200)])
def test_sound_comes_out_where_it_went_in_however_it_was_cut(cuts: tuple[int, ...]) -> None:
    sound = _chirp(200)
    packets = [packet for first, end in pairwise(cuts) for packet in _encoded(sound, first, end)]
    assert len(packets) == 200
    heard = Decoder().decode(packets)
    assert len(heard) == 200 * PACKET_SAMPLES - 312
    for start in range(4800, len(heard) - 4800, 2400):
        assert _signal_to_noise_db(sound[start : start + 2400], heard[start : start + 2400]) > 20


def test_silence_is_the_silent_packet() -> None:
    assert set(_encoded(np.zeros((20 * PACKET_SAMPLES, 2), np.int16), 0, 20)) == {SILENT_PACKET}
    assert not Decoder().decode([SILENT_PACKET] * 20).any()


def test_packets_hold_all_of_the_sound() -> None:
    assert [packets_up_to(sample) for sample in (0, 648, 649, 1608)] == [1, 1, 2, 2]


def test_half_a_packet_is_refused() -> None:
    with pytest.raises(ValueError, match="not a whole number of packets"):
        encode(np.zeros((100, 2), np.int16))


def test_a_webm_file_plays_from_any_place() -> None:
    sound = _chirp(500)
    file = webm(_encoded(sound, 0, 500))
    assert file == webm(_encoded(sound, 0, 500))
    with av.open(io.BytesIO(file), "r") as container:
        assert container.duration == pytest.approx(10_000_000, abs=20_000)
        heard = np.concatenate([frame.to_ndarray().T for frame in container.decode(audio=0)])
        assert len(heard) == 500 * PACKET_SAMPLES - 312
        assert _signal_to_noise_db(sound[4800:96_000], np.rint(heard[4800:96_000] * 32768).astype(np.int16)) > 20
        container.seek(6_000_000)
        assert next(container.decode(audio=0)).time == pytest.approx(5.5, abs=0.6)
