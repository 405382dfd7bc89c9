"""The sound of one run of a local voice, part by part: where the parts end, how loud they are, and what is silence.

Pure. The first part is short: it is heard while the rest is made.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FIRST_FRAMES = 14
"""Frames of the first part, besides the silence before it: 160 ms of sound, made in a third of the time that a short
clause takes. The second part takes at most 50 ms, so it comes in time on a machine that is three times as slow."""
SECOND_FRAMES = 64
LATER_FRAMES = 200

LEAD_MS, PEAK, NEAR_SILENCE = 5, 0.9, 0.01
"""What is kept before the first sound; the level of the loudest sample; what counts as silence, as a share of it."""
KNEE = 0.8
"""Above this level, sound that turns out to be louder than was expected is compressed rather than cut."""
LEVELS_KEPT = 30

Samples = NDArray[np.float32]


def part_ends(frames: int, silence: int) -> list[int]:
    """Return the frames at which the parts of a run end. The first `silence` frames have no voice."""
    ends = [silence + FIRST_FRAMES, silence + FIRST_FRAMES + SECOND_FRAMES]
    while ends[-1] < frames:
        ends.append(ends[-1] + LATER_FRAMES)
    # A last part that is hardly longer than what is made twice for it belongs to the one before.
    return [*(end for end in ends if end < frames - FIRST_FRAMES), frames]


class Level:
    """How loud a voice is before its sound is amplified, from the runs of late."""

    def __init__(self) -> None:
        self._peaks: deque[float] = deque(maxlen=LEVELS_KEPT)

    @property
    def is_known(self) -> bool:
        """Whether anything was heard of the voice."""
        return bool(self._peaks)

    def note(self, peak: float) -> None:
        """Note the loudest sample of a run."""
        if peak > 1e-6:
            self._peaks.append(peak)

    def of_whole(self) -> "RunLevel":
        """Return the level of a run that is made at once: by its own loudest sample."""
        return RunLevel(self, 0.0)

    def of_parts(self) -> "RunLevel":
        """Return the level of a run made in parts, whose loudest sample is not known: as loud as others were."""
        return RunLevel(self, float(np.mean(self._peaks)) if self._peaks else 0.0)


class RunLevel:
    """How much the sound of one run is amplified: decided by its first part, the same for all."""

    def __init__(self, level: Level, expected: float) -> None:
        self._level = level
        self._loudest = 0.0
        self._expected = expected

    def take(self, sound: Samples) -> None:
        """Note the next part of it."""
        loudest = float(np.max(np.abs(sound), initial=0))
        if self._loudest == 0.0:
            self._expected = max(self._expected, loudest)
        self._loudest = max(self._loudest, loudest)

    def finish(self) -> None:
        """Note that this was the last part."""
        self._level.note(self._loudest)

    @property
    def silence(self) -> float:
        """Samples below it are silence."""
        return NEAR_SILENCE * max(self._loudest, self._expected)

    def amplified(self, sound: Samples) -> bytes:
        """Return the sound as int16."""
        if self._expected < 1e-6:
            return bytes(2 * len(sound))
        scaled = sound * (PEAK / self._expected)
        if self._loudest > self._expected:
            over = np.abs(scaled) - KNEE
            room = 1 - KNEE
            scaled = np.where(over > 0, np.sign(scaled) * (KNEE + room * np.tanh(over / room)), scaled)
        return bytes((scaled * 32767).astype("<i2").tobytes())


@dataclass(frozen=True, slots=True)
class RunPart:
    """A part of a run to be heard; `left_out` samples of silence stood before it."""

    pcm: bytes
    left_out: int
    is_last: bool


def trimmed(parts: Iterable[Samples], count: int, level: RunLevel, rate_hz: int, tail_ms: int) -> Iterator[RunPart]:
    """Yield what to keep of a run of `count` parts: from 5 ms before its first sound to `tail_ms` after the last.

    That is all of it if there is no sound. The last part always comes, possibly empty. Silence at the end of another
    waits for the next one: it may be the end.
    """
    lead, tail = LEAD_MS * rate_hz // 1000, tail_ms * rate_hz // 1000
    waiting: Samples = np.empty(0, np.float32)
    is_begun = False
    for number, sound in enumerate(parts, 1):
        is_last, left_out = number == count, 0
        level.take(sound)
        waiting = np.concatenate([waiting, sound])
        heard = np.flatnonzero(np.abs(waiting) > max(level.silence, 1e-8))
        if not is_begun and len(heard):
            is_begun, left_out = True, max(0, int(heard[0]) - lead)
        end = int(heard[-1]) + 1 if len(heard) else left_out
        if is_last:
            level.finish()
            end = min(len(waiting), end + tail) if is_begun else len(waiting)
        if is_last or end > left_out:
            yield RunPart(level.amplified(waiting[left_out:end]), left_out, is_last)
            waiting = waiting[end:]
