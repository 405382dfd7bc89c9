import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from infra.caller.wav import BadWav, Sound, end_of_sound, read_wav, write_wav


def riff(kind: int, channels: int, rate_hz: int, bits: int, data: bytes, extra: bytes = b"") -> bytes:
    form = struct.pack("<HHIIHH", kind, channels, rate_hz, rate_hz * channels * bits // 8, channels * bits // 8, bits)
    form += extra
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


HALF = {8: bytes([192]), 16: struct.pack("<h", 16384), 24: b"\x00\x00\x40", 32: struct.pack("<i", 2**30)}


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
@pytest.mark.parametrize("rate_hz", [8000, 11025, 44100, 48000])
def test_reads_every_usual_width_and_rate(tmp_path: Path, bits: int, rate_hz: int) -> None:
    (tmp_path / "a.wav").write_bytes(riff(1, 1, rate_hz, bits, HALF[bits] * 100))
    sound = read_wav(tmp_path / "a.wav")
    assert sound.rate_hz == rate_hz
    assert sound.samples.tolist() == [16384] * 100


def test_reads_floats_and_the_extensible_header(tmp_path: Path) -> None:
    (tmp_path / "f.wav").write_bytes(riff(3, 1, 16000, 32, struct.pack("<3f", 0.5, -0.5, 9)))
    assert read_wav(tmp_path / "f.wav").samples.tolist() == [16384, -16384, 32767]
    extra = struct.pack("<HHIH", 22, 16, 0, 1) + b"\x00" * 14
    (tmp_path / "x.wav").write_bytes(riff(0xFFFE, 1, 16000, 16, HALF[16] * 4, extra))
    assert read_wav(tmp_path / "x.wav").samples.tolist() == [16384] * 4


def test_mixes_channels_to_one(tmp_path: Path) -> None:
    (tmp_path / "s.wav").write_bytes(riff(1, 2, 16000, 16, struct.pack("<4h", 1000, 3000, -100, 100)))
    assert read_wav(tmp_path / "s.wav").samples.tolist() == [2000, 0]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the file is empty"),
        (b"hello, this is a text file", "no WAV"),
        (b"RIFF\x00\x00\x00\x00WAVE", "no fmt"),
        (riff(1, 1, 16000, 16, b"")[:-8], "no data chunk"),
        (riff(1, 1, 16000, 16, b""), "holds no sound"),
        (riff(1, 1, 16000, 16, b"\x01"), "holds no sound"),
        (riff(1, 1, 4000, 16, b"\x00" * 100), "rate of 4000 Hz"),
        (riff(1, 1, 192000, 16, b"\x00" * 100), "rate of 192000 Hz"),
        (riff(1, 0, 16000, 16, b"\x00" * 100), "0 channels"),
        (riff(2, 1, 16000, 4, b"\x00" * 100), "format 0x2 with 4 bits"),
        (riff(1, 1, 8000, 8, bytes(8000 * 601)), "too long"),
    ],
)
def test_what_cannot_be_said_is_refused_with_the_reason(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "bad.wav").write_bytes(content)
    with pytest.raises(BadWav, match=why) as refused:
        read_wav(tmp_path / "bad.wav")
    assert "bad.wav" in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadWav, match="cannot be read"):
        read_wav(tmp_path / "none.wav")
    with pytest.raises(BadWav, match="cannot be read"):
        read_wav(tmp_path)


def test_writes_what_other_programs_read(tmp_path: Path) -> None:
    write_wav(tmp_path / "out.wav", Sound(np.arange(100, dtype=np.int16), 24_000))
    with wave.open(str(tmp_path / "out.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (24_000, 1, 100)
    assert read_wav(tmp_path / "out.wav").samples.tolist() == list(range(100))


def test_finds_where_the_sound_ends() -> None:
    samples = np.concatenate([np.zeros(100), np.full(50, 9000), np.zeros(70)]).astype(np.int16)
    assert end_of_sound(Sound(samples, 16_000)) == 150
