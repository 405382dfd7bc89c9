"""The sound of one track on the tape: when its frames came and what voice activity detection said, a byte for each.

The sound itself is not kept. Decisions are made on the probabilities as they are kept: in steps of 1/255.

| byte | meaning |
|---|---|
| 0 to 126 | a frame that follows the last one and is as long as it; the byte is the ms since that one was received |
| 127 | any other frame; MessagePack follows: its first sample less the expected one, its samples, the ms |
| 128 + n | n windows (1 to 16) were judged; n bytes follow, the probability of speech times 255 |
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgpack

from contracts.audio import InFrame
from infra.tape.tape import Plain, Tape

LEVELS = 255
MOST_WINDOWS = 16
_ANY_FRAME, _WINDOWS = 127, 128

MOST_BYTES = 128
"""About a second and a half of live sound; then it goes to the tape, whether anything was decided or not."""


@dataclass(frozen=True, slots=True)
class FrameCame:
    """A frame of `samples` from `first_sample` on, received at `received_ms` (Unix epoch)."""

    first_sample: int
    samples: int
    received_ms: int


@dataclass(frozen=True, slots=True)
class WindowsJudged:
    """The probabilities of the next windows, each times 255."""

    levels: bytes


def quantised(probability: float) -> tuple[int, float]:
    """Return the byte that stands for a probability, and the probability that it stands for."""
    level = round(min(1.0, max(0.0, probability)) * LEVELS)
    return level, level / LEVELS


class TapedSound:
    """Gathers what came of one track since the last decision and puts it on the tape before it."""

    def __init__(self, tape: Tape, track_id: str) -> None:
        self._tape = tape
        self._kind = f"sound:{track_id}"
        self._bytes = bytearray()
        self._last = FrameCame(0, 0, 0)
        self._run_at = -1
        """Where the windows that came last are counted in `_bytes`; -1 if a frame came after them."""

    def frames(self, frames: Sequence[InFrame]) -> None:
        """Note frames that are about to be added."""
        for frame in frames:
            came = FrameCame(frame.first_sample, len(frame.pcm) // 2, frame.received_ns // 1_000_000)
            self._bytes += packed(self._last, came)
            self._last, self._run_at = came, -1
        self._flush_if_full()

    def window(self, probability: float) -> float:
        """Note a window that is about to be decided on; return the probability as it is kept: decide on that."""
        level, kept = quantised(probability)
        if self._run_at < 0 or self._bytes[self._run_at] == _WINDOWS + MOST_WINDOWS:
            self._run_at = len(self._bytes)
            self._bytes.append(_WINDOWS)
        self._bytes[self._run_at] += 1
        self._bytes.append(level)
        self._flush_if_full()
        return kept

    def took(self, kind: str, payload: Plain) -> None:
        """Note something else that is about to be decided on, after the sound before it."""
        self.flush()
        self._tape.took(kind, payload)

    def took_fact(self, kind: str, sequence: int) -> None:
        """Note a fact that is about to be handed over, after the sound before it."""
        self.flush()
        self._tape.took_fact(kind, sequence)

    def flush(self) -> None:
        """Put what was gathered on the tape: something else is noted next, or the time decides."""
        if self._bytes:
            self._tape.took(self._kind, bytes(self._bytes))
            self._bytes.clear()
            self._run_at = -1

    def _flush_if_full(self) -> None:
        if len(self._bytes) >= MOST_BYTES:
            self.flush()


def packed(last: FrameCame, came: FrameCame) -> bytes:
    """Return the bytes of a frame that comes after `last`."""
    gap = came.first_sample - (last.first_sample + last.samples)
    later_ms = came.received_ms - last.received_ms
    if gap == 0 and came.samples == last.samples and 0 <= later_ms < _ANY_FRAME:
        return bytes([later_ms])
    return bytes([_ANY_FRAME]) + bytes(msgpack.packb([gap, came.samples, later_ms]))


def unpacked(data: bytes, last: FrameCame) -> list[FrameCame | WindowsJudged]:
    """Return what a delivery holds, in order; `last` is the frame before it. Raises ValueError."""
    found: list[FrameCame | WindowsJudged] = []
    rest = memoryview(data)
    while rest:
        tag, rest = rest[0], rest[1:]
        if tag >= _WINDOWS:
            count = tag - _WINDOWS
            if not 0 < count <= min(MOST_WINDOWS, len(rest)):
                raise ValueError(f"{count} windows are announced, {len(rest)} bytes are left")
            found.append(WindowsJudged(bytes(rest[:count])))
            rest = rest[count:]
            continue
        gap, samples, later_ms = 0, last.samples, tag
        if tag == _ANY_FRAME:
            (gap, samples, later_ms), rest = _first_list(rest)
        last = FrameCame(last.first_sample + last.samples + gap, samples, last.received_ms + later_ms)
        found.append(last)
    return found


def _first_list(data: memoryview) -> tuple[list[int], memoryview]:
    unpacker = msgpack.Unpacker()
    unpacker.feed(data)
    try:
        values = unpacker.unpack()
    except Exception as error:  # msgpack raises many kinds
        raise ValueError(f"no frame follows its mark: {error!r}") from error
    if not isinstance(values, list) or len(values) != 3 or not all(type(value) is int for value in values):
        raise ValueError("a frame is three numbers")
    return values, data[unpacker.tell() :]
