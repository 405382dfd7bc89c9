"""A person in a room, as a client of LiveKit's is one: speaks, and hears the agent."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from livekit import api, rtc

from tests.livekit_server import LiveKitServer
from tests.waiting import until

LOUD = 500
RATE_HZ = 16_000
EAR_RATE_HZ = 24_000


def token(server: LiveKitServer, room: str, identity: str, **more: Any) -> str:
    made = api.AccessToken(more.get("key", server.api_key), more.get("secret", server.api_secret))
    made = made.with_identity(identity).with_name(more.get("name", "")).with_ttl(more.get("ttl", timedelta(hours=1)))
    if kind := more.get("kind"):
        made = made.with_kind(kind)
    made = made.with_attributes(more.get("attributes", {}))
    return made.with_grants(api.VideoGrants(room_join=True, room=room, can_update_own_metadata=True)).to_jwt()


async def sound_of(track: rtc.Track) -> AsyncIterator[npt.NDArray[np.int16]]:
    """Yield what is heard of a track, 20 ms at a time. Unclosed, its stream would go on in later tests, too."""
    stream = rtc.AudioStream.from_track(track=track, sample_rate=EAR_RATE_HZ, frame_size_ms=20)
    async with aclosing(stream):
        async for event in stream:
            yield np.frombuffer(event.frame.data, np.int16)


@dataclass(frozen=True, slots=True)
class Caption:
    identity: str
    segment_id: str
    track_sid: str
    text: str
    final: bool


class Guest:
    """`loud_at` has the times (monotonic) at which 20 ms of the agent's sound were no silence."""

    def __init__(self, server: LiveKitServer) -> None:
        self.server = server
        self.room = rtc.Room()
        self.loud_at: list[float] = []
        self.heard_frames = 0
        self.source: rtc.AudioSource | None = None
        self.publication: rtc.LocalTrackPublication | None = None
        self.captions: list[Caption] = []
        self.states: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._reading: set[asyncio.Task[None]] = set()
        self.room.on("track_subscribed", self._on_track)
        self.room.on("participant_attributes_changed", self._on_attributes)
        self.room.register_text_stream_handler(
            "lk.transcription", lambda reader, identity: self.own(self._read(reader, identity))
        )

    def own(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    async def _read(self, reader: rtc.TextStreamReader, identity: str) -> None:
        try:
            text = await reader.read_all()
        except rtc.StreamError:
            return  # who was writing has gone
        about = reader.info.attributes or {}
        final = about["lk.transcription_final"] == "true"
        caption = Caption(identity, about["lk.segment_id"], about.get("lk.transcribed_track_id", ""), text, final)
        self.captions.append(caption)

    def _on_attributes(self, changed: dict[str, str], _: rtc.Participant) -> None:
        if state := changed.get("lk.agent.state"):
            self.states.append(state)

    @staticmethod
    @asynccontextmanager
    async def joined(
        server: LiveKitServer, room: str, identity: str, mic: bool = True, **more: Any
    ) -> AsyncIterator["Guest"]:
        guest = Guest(server)
        await guest.room.connect(more.get("url", server.url), more.get("jwt") or token(server, room, identity, **more))
        try:
            if mic:
                await guest.open_microphone()
            yield guest
        finally:
            await guest.leave()

    async def open_microphone(self, rate_hz: int = RATE_HZ, channels: int = 1) -> None:
        self.source = rtc.AudioSource(rate_hz, channels, queue_size_ms=200)
        track = rtc.LocalAudioTrack.create_audio_track("mic", self.source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        self.publication = await self.room.local_participant.publish_track(track, options)

    async def close_microphone(self) -> None:
        assert self.publication is not None
        await self.room.local_participant.unpublish_track(self.publication.sid)

    async def leave(self) -> None:
        for task in (*self._tasks, *self._reading):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._reading, return_exceptions=True)
        self._tasks.clear()
        await self.room.disconnect()

    async def say(self, samples: npt.NDArray[np.int16]) -> None:
        """Speak 16 kHz mono at real-time pace; returns when all of it is on its way."""
        assert self.source is not None
        for first in range(0, len(samples), 320):
            part = samples[first : first + 320]
            await self.source.capture_frame(rtc.AudioFrame(part.tobytes(), RATE_HZ, 1, len(part)))

    def _on_track(self, track: rtc.RemoteTrack, _: object, participant: rtc.RemoteParticipant) -> None:
        if participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT:
            # The sound of a track comes in the place of one that is gone, and would be heard there too.
            for task in self._tasks:
                task.cancel()
            self._tasks = [asyncio.create_task(self._hear(track))]

    async def _hear(self, track: rtc.RemoteTrack) -> None:
        async for samples in sound_of(track):
            self.heard_frames += 1
            if np.abs(samples.astype(int)).max(initial=0) > LOUD:
                self.loud_at.append(time.monotonic())

    async def hears(self, within_s: float = 40) -> float:
        """Wait until the agent sounds; return when it did."""
        await until(lambda: self.loud_at, within_s, "the agent does not sound")
        return self.loud_at[0]

    def agents(self) -> list[rtc.RemoteParticipant]:
        people = self.room.remote_participants.values()
        return [p for p in people if p.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT]
