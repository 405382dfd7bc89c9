"""WAV files of any usual kind as mono 16-bit sound, and back."""

import struct
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 192_000
MAX_S = 600
PCM, FLOAT, A_LAW, MU_LAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE


class BadWav(ValueError):
    """The file is not a usable WAV; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Mono sound at `rate_hz`; `notes` describe what was odd about its file."""

    samples: Samples
    rate_hz: int
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.samples) / self.rate_hz

    def at_rate(self, rate_hz: int) -> "Sound":
        """Return the same sound at another rate."""
        if rate_hz == self.rate_hz:
            return self
        import soxr

        return Sound(np.asarray(soxr.resample(self.samples, self.rate_hz, rate_hz), dtype=np.int16), rate_hz)


@dataclass(frozen=True, slots=True)
class _Format:
    kind: int
    channels: int
    rate_hz: int
    bits: int


def read_wav(path: Path) -> Sound:
    """Return a WAV's sound as mono.

    Integers of 8, 16, 24 or 32 bits, floats of 32 or 64, mu-law and A-law, at 8 to 192 kHz. It copes with data
    before the header (ID3 tags), odd chunks with or without padding, several data chunks, and sizes that a stream never
    filled in. Raises BadWav.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadWav(f"{path}: cannot be read ({error.strerror or error})") from error
    try:
        form, encoded, notes = _parts(data)
        _check(form)
        values = _values(form, encoded)
    except BadWav as error:
        raise BadWav(f"{path}: {error}") from None
    frames = len(values) // form.channels
    if frames == 0:
        raise BadWav(f"{path}: contains no sound")
    if frames > MAX_S * form.rate_hz:
        raise BadWav(f"{path}: {frames / form.rate_hz:.0f} s is too long; at most {MAX_S} s can be said")
    mono, opposed = _mixed(values[: frames * form.channels].reshape(frames, form.channels))
    notes += (
        ["its channels are in opposite phase and would cancel out, so only the loudest one is used"] if opposed else []
    )
    return Sound(np.clip(np.rint(mono * 32768), -32768, 32767).astype(np.int16), form.rate_hz, tuple(notes))


def _parts(data: bytes) -> tuple[_Format, bytes, list[str]]:
    """Return the format, the sound, and notes on what is odd about the file."""
    if not data:
        raise BadWav("the file is empty")
    data = data[_header_at(data) :]
    forms: list[_Format] = []
    sound: list[bytes] = []
    notes: list[str] = []
    for name, body, missing in _chunks(data):
        if name == b"fmt " and not forms:
            forms.append(_format(body))
        elif name == b"data":
            if not forms:
                raise BadWav("the sound comes before its format")
            sound.append(body)
            notes += [missing] if missing else []
    if not forms:
        raise BadWav("it has no format (no fmt chunk)")
    if not sound:
        raise BadWav("it has no sound (no data chunk)")
    return forms[0], b"".join(sound), notes


def _header_at(data: bytes) -> int:
    """Return where the RIFF header begins: taggers put ID3 before it, whose size is 4 x 7 bits (ID3v2.4, 3.1)."""
    at = 0
    while data[at : at + 3] == b"ID3" and len(data) >= at + 10:
        size = sum((byte & 0x7F) << shift for byte, shift in zip(data[at + 6 : at + 10], (21, 14, 7, 0), strict=True))
        at += 10 + size + (10 if data[at + 5] & 0x10 else 0)
    header = data[at : at + 12]
    if len(header) < 12 or header[:4] not in (b"RIFF", b"RF64", b"BW64") or header[8:] != b"WAVE":
        raise BadWav("this is not a WAV file (no RIFF/WAVE header)")
    return at


UNKNOWN_SIZES = (0, 0xFFFFFFFF)
"""The size of the sound in the header of a program that writes to a stream and does not know it yet."""


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, str]]:
    """Yield each chunk's name and body, and a note if its size is wrong."""
    at, large = 12, 0
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        begin, missing = at + 8, ""
        if name == b"ds64" and size >= 16:
            large = struct.unpack_from("<Q", data, begin + 8)[0] if begin + 16 <= len(data) else 0
        if name == b"data" and size == 0xFFFFFFFF and large:
            size = large  # RF64 (EBU Tech 3306)
        elif name == b"data" and size in UNKNOWN_SIZES and begin < len(data) and not _chunk_at(data, begin):
            size = len(data) - begin
            missing = "its header was never completed (no size of the sound): everything up to the end is read as sound"
        if name == b"data" and begin + size > len(data):
            missing = f"it is cut off: only {len(data) - begin} of {size} bytes of sound are there"
        yield name, data[begin : begin + size], missing
        at = begin + size
        # Chunks begin at even offsets, but not all writers pad.
        if size % 2 and not (_chunk_at(data, at) and not _chunk_at(data, at + 1)):
            at += 1


def _chunk_at(data: bytes, at: int) -> bool:
    """Return whether a chunk seems to begin there: a name in ASCII, and a size that ends within the file."""
    if at + 8 > len(data):
        return False
    name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
    return name.isascii() and name.decode().isprintable() and at + 8 + size <= len(data) + 1


def _format(body: bytes) -> _Format:
    if len(body) < 16:
        raise BadWav("its format is cut off")
    kind, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if kind == EXTENSIBLE and len(body) >= 26:
        kind = struct.unpack_from("<H", body, 24)[0]
    return _Format(kind, channels, rate_hz, bits)


KINDS = {(PCM, 8), (PCM, 16), (PCM, 24), (PCM, 32), (FLOAT, 32), (FLOAT, 64), (A_LAW, 8), (MU_LAW, 8)}


def _check(form: _Format) -> None:
    if (form.kind, form.bits) not in KINDS:
        raise BadWav(
            f"format {form.kind:#x} with {form.bits} bits is not supported; use PCM of 8 to 32 bits, floats, mu-law or "
            "A-law (`ffmpeg -i FILE -ar 16000 -ac 1 OUT.wav` makes one)"
        )
    if not MIN_RATE_HZ <= form.rate_hz <= MAX_RATE_HZ:
        raise BadWav(f"a rate of {form.rate_hz} Hz is not supported; {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz is")
    if not 1 <= form.channels <= 8:
        raise BadWav(f"{form.channels} channels are not supported; 1 to 8 are")


def _values(form: _Format, encoded: bytes) -> NDArray[np.float64]:
    """Return all values, from -1 to 1; an incomplete value at the end is left out."""
    width = form.bits // 8
    encoded = encoded[: len(encoded) // width * width]
    if form.kind == FLOAT:
        floats = np.frombuffer(encoded, f"<f{width}").astype(np.float64)
        return np.clip(np.nan_to_num(floats, posinf=1, neginf=-1), -1, 1)
    if form.kind in (A_LAW, MU_LAW):
        decoded = _A_LAW_VALUES if form.kind == A_LAW else _MU_LAW_VALUES
        return decoded[np.frombuffer(encoded, np.uint8)]
    if form.bits == 8:
        return (np.frombuffer(encoded, np.uint8).astype(np.float64) - 128) / 128
    if form.bits == 24:
        padded = np.zeros((len(encoded) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(encoded, np.uint8).reshape(-1, 3)
        return padded.reshape(-1).view("<i4").astype(np.float64) / 2**31
    integers = np.frombuffer(encoded, f"<i{width}").astype(np.float64)
    return np.asarray(integers / 2 ** (form.bits - 1), np.float64)


def _mu_law_values() -> NDArray[np.float64]:
    """Return the value of each byte (ITU-T G.711, table 2a)."""
    byte = ~np.arange(256) & 0xFF
    size = ((((byte & 0x0F) << 3) + 0x84) << ((byte & 0x70) >> 4)) - 0x84
    return np.where(byte & 0x80, -size, size) / 32768


def _a_law_values() -> NDArray[np.float64]:
    """Return the value of each byte (ITU-T G.711, table 1a)."""
    byte = np.arange(256) ^ 0x55
    exponent, step = (byte & 0x70) >> 4, (byte & 0x0F) << 4
    size = np.where(exponent == 0, step + 8, (step + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(byte & 0x80, size, -size) / 32768


_MU_LAW_VALUES, _A_LAW_VALUES = _mu_law_values(), _a_law_values()

OPPOSITE = -0.5
"""Channels with a correlation below this cancel out when mixed."""


def _mixed(frames: NDArray[np.float64]) -> tuple[NDArray[np.float64], bool]:
    """Return channels as one, and whether they are in opposite phase: their mean, or else the loudest alone."""
    power = (frames**2).mean(axis=0)
    loudest = int(power.argmax())
    if frames.shape[1] > 1 and power[loudest] > 0:
        alike = (frames * frames[:, [loudest]]).mean(axis=0) / np.sqrt(np.maximum(power * power[loudest], 1e-30))
        if alike.min() < OPPOSITE:
            return np.asarray(frames[:, loudest]), True
    return np.asarray(frames.mean(axis=1)), False


def write_wav(path: Path, sound: Sound) -> None:
    """Write mono 16-bit sound. Raises OSError."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sound.rate_hz)
        file.writeframes(sound.samples.astype("<i2").tobytes())


def start_of_sound(sound: Sound) -> int:
    """Return the first sample that is clearly above silence (1 % of the loudest); 0 if none is."""
    loud = _loud(sound)
    return int(loud[0]) if len(loud) else 0


def end_of_sound(sound: Sound) -> int:
    """Return the sample after the last one that is clearly above silence (1 % of the loudest)."""
    loud = _loud(sound)
    return int(loud[-1]) + 1 if len(loud) else len(sound.samples)


def _loud(sound: Sound) -> NDArray[np.intp]:
    loudness = np.abs(sound.samples.astype(np.int32))
    return np.flatnonzero(loudness > max(1, int(loudness.max(initial=0)) // 100))
