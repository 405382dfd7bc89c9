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
@pytest.mark.parametrize("rate_hz", [8000, 11025, 44100, 48000, 96000, 192000])
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
        (b"hello, this is a text file", "not a WAV"),
        (b"RIFF\x00\x00\x00\x00WAVE", "no fmt"),
        (riff(1, 1, 16000, 16, b"")[:-8], "no data chunk"),
        (riff(1, 1, 16000, 16, b""), "contains no sound"),
        (riff(1, 1, 16000, 16, b"\x01"), "contains no sound"),
        (riff(1, 1, 4000, 16, b"\x00" * 100), "rate of 4000 Hz"),
        (riff(1, 1, 384000, 16, b"\x00" * 100), "rate of 384000 Hz"),
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


def chunk(name: bytes, body: bytes, size: int | None = None, pad: bool = True) -> bytes:
    return name + struct.pack("<I", len(body) if size is None else size) + body + b"\0" * (pad and len(body) % 2)


def wav(*chunks: bytes, head: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return head + struct.pack("<I", len(body)) + body


FORM = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16))
SOUND = struct.pack("<4h", 100, -200, 300, -400)
ODD = chunk(b"LIST", b"odd")
UNPADDED = chunk(b"LIST", b"odd", pad=False)
ID3 = b"ID3\x04\x00\x00\x00\x00\x01\x02" + b"x" * 130
DS64 = chunk(b"ds64", struct.pack("<QQQI", 0, len(SOUND), 0, 0))


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (wav(FORM, chunk(b"data", SOUND)), None),
        (wav(ODD, FORM, chunk(b"data", SOUND), ODD), None),
        (wav(UNPADDED, FORM, UNPADDED, chunk(b"data", SOUND)), None),
        (ID3 + wav(FORM, chunk(b"data", SOUND)), None),
        (ID3 + ID3 + wav(FORM, chunk(b"data", SOUND)), None),
        (wav(FORM, chunk(b"data", SOUND[:4]), ODD, chunk(b"data", SOUND[4:])), None),
        (wav(FORM, chunk(b"data", b""), chunk(b"data", SOUND)), None),
        (wav(FORM, chunk(b"data", SOUND, size=0)), "never completed"),
        (wav(FORM, chunk(b"data", SOUND, size=0xFFFFFFFF)), "never completed"),
        (wav(FORM, chunk(b"data", SOUND, size=900)), "cut off: only 8 of 900 bytes"),
        (wav(DS64, FORM, chunk(b"data", SOUND, size=0xFFFFFFFF), ODD, head=b"RF64"), None),
    ],
    ids=["plain", "odd", "unpadded", "id3", "id3-twice", "parts", "empty-part", "size-0", "size-max", "cut", "rf64"],
)
def test_odd_files_are_read_whole_with_a_word(tmp_path: Path, content: bytes, note: str | None) -> None:
    (tmp_path / "odd.wav").write_bytes(content)
    sound = read_wav(tmp_path / "odd.wav")
    assert sound.samples.tolist() == [100, -200, 300, -400]
    assert len(sound.notes) == (note is not None)
    assert note is None or note in sound.notes[0]


@pytest.mark.parametrize(
    ("kind", "encoded", "values"),
    [
        # ITU-T G.711: the largest, the smallest, and a value between, of both signs.
        (7, bytes([0x80, 0x00, 0xFF, 0x7F, 0x9F]), [32124, -32124, 0, 0, 8316]),
        (6, bytes([0xAA, 0x2A, 0xD5, 0x55, 0x95]), [32256, -32256, 8, -8, 2112]),
    ],
    ids=["mu-law", "a-law"],
)
def test_reads_companded_sound_of_telephones(tmp_path: Path, kind: int, encoded: bytes, values: list[int]) -> None:
    (tmp_path / "phone.wav").write_bytes(riff(kind, 1, 8000, 8, encoded))
    assert read_wav(tmp_path / "phone.wav").samples.tolist() == values


def test_reads_floats_of_64_bits(tmp_path: Path) -> None:
    (tmp_path / "f.wav").write_bytes(riff(3, 1, 16000, 64, struct.pack("<4d", 0.5, -0.5, 1e300, float("nan"))))
    assert read_wav(tmp_path / "f.wav").samples.tolist() == [16384, -16384, 32767, 0]


def test_channels_in_opposite_phase_do_not_cancel_out(tmp_path: Path) -> None:
    frames = [(1000, -900), (-2000, 1800), (500, -450)]
    pcm = struct.pack("<6h", *(value for frame in frames for value in frame))
    (tmp_path / "s.wav").write_bytes(riff(1, 2, 16000, 16, pcm))
    sound = read_wav(tmp_path / "s.wav")
    assert sound.samples.tolist() == [1000, -2000, 500]
    assert "opposite phase" in sound.notes[0]
