"""A call for recorder tests: facts and frames of a session that began some seconds ago, with tones for speech."""

from typing import Any

import numpy as np
import numpy.typing as npt
from faststream.nats import NatsBroker

from contracts import events as e
from contracts.audio import InFrame, OutFrame
from contracts.topology import audio_in_subject, audio_out_subject
from infra.log.connection import connection, round_trip
from infra.log.event_log import append

Samples = npt.NDArray[np.int16]

PROFILE = e.AgentProfile(prompt="p", llm="local", stt="local", tts="local")
USER_HZ, AGENT_HZ = 440, 1000


def tone(ms: float, rate_hz: int, hz: float) -> Samples:
    times = np.arange(int(ms * rate_hz / 1000)) / rate_hz
    return (12_000 * np.sin(2 * np.pi * hz * times)).astype(np.int16)


def quiet(ms: float, rate_hz: int) -> Samples:
    return np.zeros(int(ms * rate_hz / 1000), np.int16)


def onsets_ms(samples: Samples, rate_hz: int = 48_000, threshold: int = 3000) -> list[tuple[float, float]]:
    """Where there is sound, as (begin, end) in ms; silence of 30 ms ends it."""
    loud = np.flatnonzero(np.abs(samples.astype(int)) > threshold)
    if not len(loud):
        return []
    breaks = np.flatnonzero(np.diff(loud) > rate_hz * 0.03)
    begins, ends = loud[np.r_[0, breaks + 1]], loud[np.r_[breaks, len(loud) - 1]]
    return [(b * 1000 / rate_hz, n * 1000 / rate_hz) for b, n in zip(begins, ends, strict=True)]


class RecordedCall:
    """Says and sends what the doors and actors would; times are ms since the session was opened."""

    def __init__(self, broker: NatsBroker, start_ns: int, session_id: str = "s") -> None:
        self._broker = broker
        self.start_ns = start_ns
        self.session_id = session_id
        self.profile = PROFILE
        self._count = 0

    def at(self, ms: float) -> int:
        return self.start_ns + int(ms * 1_000_000)

    async def append(self, event_class: type[e.Event], at_ms: float, **fields: Any) -> None:
        self._count += 1
        names = {"event_id": f"{self.session_id}-{self._count}", "session_id": self.session_id}
        await append(self._broker, event_class(**names, time_ns=self.at(at_ms), **fields))

    async def open(self) -> None:
        await self.append(e.SessionOpened, 0, door="test", user_id="u", profile=self.profile)

    async def speak(self, track_id: str, published_ms: float, samples: Samples, delay_ms: float = 20) -> None:
        """Publish a track and its sound: sample 0 was spoken as it was published, frames came `delay_ms` later."""
        await self.append(e.TrackPublished, published_ms, track_id=track_id, participant_id="user")
        for first in range(0, len(samples), 320):
            received_ns = self.at(published_ms + delay_ms + (first + 320) / 16)
            frame = InFrame(track_id, first, received_ns, samples[first : first + 320].tobytes())
            await connection(self._broker).publish(audio_in_subject(self.session_id, "user"), frame.pack())
        await round_trip(connection(self._broker))

    async def answer(self, reply_id: str, begun_ms: float, *clauses: Samples, rate_hz: int = 24_000) -> None:
        """Write and synthesise a reply; nothing of it is heard yet."""
        await self.append(e.ReplyStarted, begun_ms, reply_id=reply_id, text="?")
        for index, samples in enumerate(clauses):
            for first in range(0, len(samples), 480):
                pcm = samples[first : first + 480]
                last = first + 480 >= len(samples)
                frame = OutFrame(reply_id, index, first, rate_hz, pcm.tobytes(), last)
                await connection(self._broker).publish(audio_out_subject(self.session_id), frame.pack())
            facts = {"samples": len(samples), "sample_rate_hz": rate_hz, "text": "a"}
            await self.append(e.ClauseSynthesized, begun_ms, reply_id=reply_id, index=index, **facts)
        await round_trip(connection(self._broker))

    async def close(self, at_ms: float) -> None:
        await self.append(e.SessionClosed, at_ms, reason="hangup")
