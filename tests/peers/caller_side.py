"""The caller of a peer: speaks at the pace of speech, and knows when each reply's first audible sample was heard."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.peers.messages import Answered, Asked, Setup, asked_in, line_of, setup_in

RATE_HZ = 16_000
FRAME_SAMPLES = RATE_HZ // 50
LEAD_S = 0.3
"""Silence before the first word; this and the next are as of our own caller (`infra.caller`)."""
SILENCE_PEAK = 256
AFTER_S = 0.3
"""How long the call goes on once the answer has begun."""
PATIENCE_S = 8.0
"""How long an answer may take from the end of the WAV."""

Samples = NDArray[np.int16]
PlaceCall = Callable[["Line"], Awaitable[str]]


@dataclass(slots=True)
class Ear:
    """A loudspeaker that plays what it is given on a clock, reply after reply; times are seconds of the event loop."""

    onsets_s: list[float | None] = field(default_factory=list)
    """Of each reply, None while nothing audible of it was played."""
    _free_at_s: float = 0.0
    """When the samples given so far will have been played."""

    def begin(self) -> None:
        """Begin another reply; what is left of the last one is dropped."""
        self.onsets_s.append(None)
        self._free_at_s = 0.0

    def play(self, now_s: float, samples: Samples, rate_hz: int) -> float:
        """Play the next sound of the reply; return when it will have been played."""
        if not self.onsets_s:
            self.begin()
        at_s = max(now_s, self._free_at_s)
        if self.onsets_s[-1] is None:
            loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > SILENCE_PEAK)
            if len(loud):
                self.onsets_s[-1] = at_s + int(loud[0]) / rate_hz
        self._free_at_s = at_s + len(samples) / rate_hz
        return self._free_at_s


class Line:
    """One call: `speak` gives the framework the caller's frames, `ear` takes the agent's sound."""

    def __init__(self, samples: Samples, end_s: float) -> None:
        self._samples = samples
        self._end_s = end_s
        self.began_s = 0.0
        """When the first sample of the WAV is spoken."""
        self.ear = Ear()

    async def speak(self, give: Callable[[bytes], Awaitable[None]]) -> None:
        """Speak, then be silent, until the answer to all of it has begun or nothing comes any more."""
        lead = np.zeros(round(LEAD_S * RATE_HZ), np.int16)
        sound = np.concatenate([lead, self._samples])
        loop = asyncio.get_running_loop()
        opened_s = loop.time()
        self.began_s = opened_s + LEAD_S
        number = 0
        while not self._is_over(loop.time()):
            begin = number * FRAME_SAMPLES
            number += 1
            # A frame can only be sent once its last sample has been heard.
            await asyncio.sleep(opened_s + number * FRAME_SAMPLES / RATE_HZ - loop.time())
            frame = np.zeros(FRAME_SAMPLES, "<i2")
            piece = sound[begin : begin + FRAME_SAMPLES]
            frame[: len(piece)] = piece
            await give(frame.tobytes())

    def _is_over(self, now_s: float) -> bool:
        end_s = self.began_s + max(self._end_s, len(self._samples) / RATE_HZ)
        answered = [at_s for at_s in self.onsets_s() if at_s > self._end_s]
        if answered and now_s > end_s:
            return now_s - self.began_s > answered[-1] + AFTER_S
        return now_s > end_s + PATIENCE_S

    def onsets_s(self) -> list[float]:
        """Return when each reply was first heard, from the first sample of the WAV."""
        return [round(at_s - self.began_s, 4) for at_s in self.ear.onsets_s if at_s is not None]


def serve(make: Callable[[Setup], Awaitable[PlaceCall]]) -> None:
    """Run a peer's program: read the setup, load the engines, then place the calls that are asked for."""
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no result
    asyncio.run(_serve(make, told.write, told.flush))


async def _serve(
    make: Callable[[Setup], Awaitable[PlaceCall]], write: Callable[[str], object], flush: Callable[[], None]
) -> None:
    def tell(line: str) -> None:
        write(line)
        flush()

    place = await make(setup_in(await asyncio.to_thread(sys.stdin.readline)))
    tell(json.dumps("ready") + "\n")
    while line := await asyncio.to_thread(sys.stdin.readline):
        tell(line_of(await _placed(place, asked_in(line))))


async def _placed(place: PlaceCall, asked: Asked) -> Answered:
    line = Line(np.fromfile(Path(asked.pcm), "<i2"), asked.end_s)
    try:
        heard = await place(line)
    except Exception as error:  # whatever the framework raises is this call's result
        return Answered(line.onsets_s(), problem=f"{type(error).__name__}: {error}")
    return Answered(line.onsets_s(), heard)
