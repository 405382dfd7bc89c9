"""A caller for tests of the transcript actor: publishes a track and its sound, and waits for facts."""

import asyncio
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from faststream.nats import NatsBroker

from contracts import events as e
from contracts.audio import InFrame
from contracts.topology import audio_in_subject
from infra.log.connection import connection
from infra.log.event_log import append, history, now_ns

SESSION, TRACK, PARTICIPANT = "s-1", "t-1", "p-1"
FRAME_SAMPLES = 320
FASTER = 5
"""How many times faster than real time the sound is sent."""


class Caller:
    """One participant with one track."""

    def __init__(self, broker: NatsBroker) -> None:
        self.broker = broker
        self.sent = 0

    async def open_session(self) -> None:
        profile = e.AgentProfile(prompt="", llm="local", stt="local", tts="local")
        await append(self.broker, e.SessionOpened(**self._about("so"), door="test", user_id="u", profile=profile))

    async def publish_track(self) -> None:
        await append(self.broker, e.TrackPublished(**self._about("tp"), track_id=TRACK, participant_id=PARTICIPANT))

    async def unpublish_track(self) -> None:
        await append(self.broker, e.TrackUnpublished(**self._about("tu"), track_id=TRACK, participant_id=PARTICIPANT))

    async def reply(self, text: str) -> None:
        """Have the agent say `text`."""
        await append(self.broker, e.ReplyStarted(**self._about("rs"), reply_id="r-1", text=""))
        await append(self.broker, e.ReplyClauseWritten(**self._about("rc"), reply_id="r-1", index=0, text=text))
        await append(self.broker, e.PlaybackStarted(**self._about("ps"), reply_id="r-1"))

    async def speak(self, *pieces: npt.NDArray[np.int16], track_id: str = TRACK) -> None:
        """Send the pieces, one after the other."""
        samples = np.concatenate(pieces)
        started = time.monotonic()
        for first in range(0, len(samples), FRAME_SAMPLES):
            pcm = samples[first : first + FRAME_SAMPLES]
            frame = InFrame(track_id, self.sent, now_ns(), pcm.astype("<i2").tobytes())
            await self.send(frame.pack())
            self.sent += len(pcm)
            ahead_s = (first + len(pcm)) / 16_000 / FASTER - (time.monotonic() - started)
            await asyncio.sleep(max(0.0, ahead_s))

    async def send(self, data: bytes) -> None:
        await connection(self.broker).publish(audio_in_subject(SESSION, PARTICIPANT), data)

    async def facts(self) -> list[e.Event]:
        return [fact.event async for fact in history(connection(self.broker), SESSION)]

    async def until(self, met: Callable[[list[e.Event]], bool], timeout_s: float = 30) -> list[e.Event]:
        """Return the session's facts as soon as the condition is met."""
        async with asyncio.timeout(timeout_s):
            while True:
                facts = await self.facts()
                if met(facts):
                    return facts
                await asyncio.sleep(0.05)

    def _about(self, event_id: str) -> dict[str, object]:
        return {"event_id": event_id, "session_id": SESSION, "time_ns": now_ns()}


def has(kind: type[e.Event], count: int = 1) -> Callable[[list[e.Event]], bool]:
    """Return the condition that there are `count` facts of a kind."""
    return lambda facts: sum(isinstance(fact, kind) for fact in facts) >= count


def only(facts: list[e.Event], kind: type[e.Event]) -> list[e.Event]:
    """Return the facts of a kind."""
    return [fact for fact in facts if isinstance(fact, kind)]


def words(text: str) -> str:
    """Return a text's words, for comparison."""
    return " ".join("".join(c for c in word if c.isalnum()) for word in text.lower().split())
