"""WAV files of any usual kind as mono 16-bit sound, and back."""

import struct
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 48_000
MAX_S = 600
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE


class BadWav(ValueError):
    """The file is no WAV that can be said; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Mono sound at `rate_hz`."""

    samples: Samples
    rate_hz: int

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
    """Return a WAV's sound: 8, 16, 24 or 32-bit integers or 32-bit floats, channels mixed to one. Raises BadWav."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadWav(f"{path}: cannot be read ({error.strerror or error})") from error
    try:
        form, pcm = _chunks(data)
        _check(form)
        values = _values(form, pcm)
    except BadWav as error:
        raise BadWav(f"{path}: {error}") from None
    frames = len(values) // form.channels
    if frames == 0:
        raise BadWav(f"{path}: holds no sound")
    if frames > MAX_S * form.rate_hz:
        raise BadWav(f"{path}: {frames / form.rate_hz:.0f} s is too long to be said; at most {MAX_S} s")
    mono = values[: frames * form.channels].reshape(frames, form.channels).mean(axis=1)
    return Sound(np.clip(np.rint(mono * 32768), -32768, 32767).astype(np.int16), form.rate_hz)


def _chunks(data: bytes) -> tuple[_Format, bytes]:
    if not data:
        raise BadWav("the file is empty")
    if len(data) < 12 or data[:4] not in (b"RIFF", b"RF64") or data[8:12] != b"WAVE":
        raise BadWav("this is no WAV file (no RIFF/WAVE header)")
    form: _Format | None = None
    at = 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        body = data[at + 8 : at + 8 + size]
        if name == b"fmt ":
            form = _format(body)
        elif name == b"data":
            if form is None:
                raise BadWav("the sound comes before its format")
            return form, body
        at += 8 + size + size % 2
    raise BadWav("it has no sound (no data chunk)" if form else "it has no format (no fmt chunk)")


def _format(body: bytes) -> _Format:
    if len(body) < 16:
        raise BadWav("its format is cut off")
    kind, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if kind == EXTENSIBLE and len(body) >= 26:
        kind = struct.unpack_from("<H", body, 24)[0]
    return _Format(kind, channels, rate_hz, bits)


def _check(form: _Format) -> None:
    if (form.kind, form.bits) not in {(PCM, 8), (PCM, 16), (PCM, 24), (PCM, 32), (FLOAT, 32)}:
        raise BadWav(
            f"format {form.kind:#x} with {form.bits} bits is not supported; use PCM of 8, 16, 24 or 32 bits "
            "(`ffmpeg -i FILE -ar 16000 -ac 1 OUT.wav` makes one)"
        )
    if not MIN_RATE_HZ <= form.rate_hz <= MAX_RATE_HZ:
        raise BadWav(f"a rate of {form.rate_hz} Hz is not supported; {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz is")
    if not 1 <= form.channels <= 8:
        raise BadWav(f"{form.channels} channels are not supported; 1 to 8 are")


def _values(form: _Format, pcm: bytes) -> NDArray[np.float64]:
    """Return all values between -1 and 1; half a value at the end is left out."""
    width = form.bits // 8
    pcm = pcm[: len(pcm) // width * width]
    if form.kind == FLOAT:
        return np.nan_to_num(np.frombuffer(pcm, "<f4").astype(np.float64), posinf=1, neginf=-1)
    if form.bits == 8:
        return (np.frombuffer(pcm, np.uint8).astype(np.float64) - 128) / 128
    if form.bits == 24:
        padded = np.zeros((len(pcm) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(pcm, np.uint8).reshape(-1, 3)
        return padded.reshape(-1).view("<i4").astype(np.float64) / 2**31
    integers = np.frombuffer(pcm, f"<i{width}").astype(np.float64)
    return np.asarray(integers / 2 ** (form.bits - 1), np.float64)


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
