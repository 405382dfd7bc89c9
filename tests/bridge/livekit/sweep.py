"""A voice whose place can be heard: a tone that rises evenly, and a guest's recording in which the place is read off.

Content is compared, not times: however late sound comes, and however the jitter buffer stretches it, its pitch says
which sample of the reply it is.
"""

import numpy as np
import numpy.typing as npt
from livekit import rtc

from contracts import events as e
from contracts.audio import OutFrame
from tests.bridge.agent import FRAME_SAMPLES, RATE_HZ, Agent
from tests.bridge.livekit.guest import Guest, sound_of
from tests.waiting import until

FROM_HZ = 2000.0
"""High enough that a lost packet changes its loudness little.

A packet that a busy machine delivers too late is lost. After one, libopus (speech, 32 kbit/s) brings a tone that
rises from 500 Hz to full scale in 38 of 100 cases, and some low tone after it; one from 2 kHz in none.
"""
RISE_HZ_PER_S = 1000.0
AMPLITUDE = 9000
LOUD = AMPLITUDE // 16
"""Louder than this it is the tone: a jitter buffer that ran dry fades it in, and the codec lets it die away."""
WINDOW = RATE_HZ // 25
"""What a pitch is read from: 40 ms."""
LEAST_WINDOW = RATE_HZ // 125
"""It is not read from less than 8 ms, 16 waves of the lowest."""
SILENT_PARTS = 25
"""Half a second of silence is the end of what is heard: on a busy machine there are holes of a quarter."""
HOLE = RATE_HZ // 500
"""So long without a loud sample, 2 ms, is a hole: four of the tone's waves at least, each of which has two peaks."""


def sweep(samples: int) -> npt.NDArray[np.int16]:
    at_s = np.arange(samples) / RATE_HZ
    phase = 2 * np.pi * (FROM_HZ * at_s + RISE_HZ_PER_S * at_s**2 / 2)
    return (AMPLITUDE * np.sin(phase)).astype("<i2")


async def say_sweep(agent: Agent, session_id: str, reply_id: str, length_s: float) -> None:
    """Answer with one clause of it."""
    samples = int(length_s * RATE_HZ)
    sound = sweep(samples)
    firsts = range(0, samples, FRAME_SAMPLES)
    frames = [
        OutFrame(reply_id, 0, n, RATE_HZ, sound[n : n + FRAME_SAMPLES].tobytes(), n == firsts[-1]) for n in firsts
    ]
    names = {"reply_id": reply_id, "index": 0, "text": "eeee"}
    await agent.append(e.ReplyStarted, session_id, reply_id=reply_id, turn_id=f"turn-of-{reply_id}", text="hello")
    await agent.append(e.ReplyClauseWritten, session_id, **names)
    await agent.publish(session_id, frames)
    await agent.append(e.ClauseSynthesized, session_id, **names, samples=samples, sample_rate_hz=RATE_HZ)
    await agent.append(e.ReplyCompleted, session_id, reply_id=reply_id, text="eeee", clauses=1)


class Recording:
    """What a guest hears of the agent, sample by sample."""

    def __init__(self) -> None:
        self._parts: list[npt.NDArray[np.int16]] = []

    @classmethod
    async def of(cls, guest: Guest) -> "Recording":
        """Begin to record what the guest hears, once there is an agent to be heard."""

        def tracks() -> list[rtc.Track]:
            publications = [each for agent in guest.agents() for each in agent.track_publications.values()]
            return [each.track for each in publications if each.track is not None]

        await until(tracks, what="the agent's track")
        recording = cls()
        guest.own(recording._record(tracks()[0]))
        return recording

    async def _record(self, track: rtc.Track) -> None:
        async for samples in sound_of(track):
            self._parts.append(samples.copy())

    def forget(self) -> None:
        self._parts.clear()

    async def hears_to(self, place_ms: float, within_s: float = 20) -> None:
        """Wait until it was heard beyond a place in the reply."""
        await until(lambda: self._heard_to_ms() > place_ms, within_s, f"the reply is not heard to {place_ms} ms")

    async def last_heard_ms(self, within_s: float = 10) -> float:
        """Wait for silence; return the place in the reply to which it was heard."""
        await until(self._is_silent, within_s, "the agent does not fall silent")
        return self._heard_to_ms()

    def _is_silent(self) -> bool:
        last = self._parts[-SILENT_PARTS:]
        return len(last) == SILENT_PARTS and not len(_loud(np.concatenate(last)))

    def _heard_to_ms(self) -> float:
        return heard_to_ms(self._sound())

    def _sound(self) -> npt.NDArray[np.int16]:
        return np.concatenate([np.zeros(1, np.int16), *self._parts])

    def heard_from_ms(self) -> float:
        """The place in the reply at which the tone heard first begins."""
        return heard_from_ms(self._sound())


def heard_to_ms(sound: npt.NDArray[np.int16]) -> float:
    """The place in the reply at which the tone in a sound ends; 0 if there is too little of it."""
    last = _last_window(sound)
    return last[0] + last[1] if last is not None else 0.0


def heard_from_ms(sound: npt.NDArray[np.int16]) -> float:
    """The place in the reply at which the tone in a sound begins."""
    first = _last_window(sound[::-1])
    assert first is not None, "there is too little of the tone"
    return first[0] - first[1]


def _last_window(sound: npt.NDArray[np.int16]) -> tuple[float, float] | None:
    """The place of the last window that has a pitch, and how much of the tone, ms, comes after that place."""
    after = 0
    for piece in reversed(_pieces(sound)):
        if len(piece) >= LEAST_WINDOW:
            window = piece[-WINDOW:]
            return _place_ms(window), _ms(len(window) / 2 + after)
        after += len(piece)
    return None


def _ms(samples: float) -> float:
    return samples * 1000 / RATE_HZ


def _loud(sound: npt.NDArray[np.int16]) -> npt.NDArray[np.intp]:
    return np.flatnonzero(np.abs(sound.astype(int)) > LOUD)


def _pieces(sound: npt.NDArray[np.int16]) -> list[npt.NDArray[np.int16]]:
    """The tone in a sound, without the holes in it.

    A busy machine hands some frames on late. The tone goes on after the hole where it was, and a piece of it that is
    much shorter than the window has no pitch to be read.
    """
    loud = _loud(sound)
    pieces = np.split(loud, np.flatnonzero(np.diff(loud) > HOLE) + 1)
    return [sound[piece[0] : piece[-1] + 1] for piece in pieces if len(piece)]


def _place_ms(window: npt.NDArray[np.int16]) -> float:
    """The place in the reply of the middle of a window of it, by its pitch."""
    size = 1 << 16
    spectrum = np.abs(np.fft.rfft(window * np.hanning(len(window)), size))
    return float((np.argmax(spectrum) * RATE_HZ / size - FROM_HZ) / RISE_HZ_PER_S * 1000)
