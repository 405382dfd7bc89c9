"""An agent that answers in a LiveKit room as the real one would, without speech engines: for tests of the caller.

It takes loud sound as speech, answers with a tone, and says the facts of that to the log.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import numpy as np
from faststream.nats import NatsBroker
from livekit import api, rtc
from numpy.typing import NDArray

from contracts import events as e
from infra.livekit.naming import track_of_sid
from infra.log.event_log import append, now_ns
from tests.livekit_server import LiveKitServer
from tests.waiting import until_async

RATE_HZ = 48_000
FRAME = RATE_HZ // 100
LEAD_FRAMES = 4
"""Silence at the begin of a reply, as voices have it."""


class RoomAgent:
    """Answers each turn after 200 ms of silence; falls silent when 300 ms are said over it."""

    def __init__(self, broker: NatsBroker, session_id: str, reply_s: float = 0.4, greeting: str = "") -> None:
        self.session_id = session_id
        self.mute = False
        self.deaf = False
        self.callers: list[str] = []
        self.heard_frames, self.heard_peak = 0, 0
        """How many frames of microphones came, and the loudest sample of them."""
        self._broker = broker
        self._reply_s = reply_s
        self._greeting = greeting
        self._count = 0
        self._turns = 0
        self._room = rtc.Room()
        self._source = rtc.AudioSource(RATE_HZ, 1, queue_size_ms=0)
        self._to_say: asyncio.Queue[NDArray[np.int16]] = asyncio.Queue(maxsize=1)
        self._tasks: list[asyncio.Task[None]] = []
        self._reply: asyncio.Task[None] | None = None
        self._interrupted = False

    async def _fact(self, kind: type[e.Event], **fields: Any) -> None:
        self._count += 1
        common = {"event_id": f"{self.session_id}:{self._count}", "session_id": self.session_id, "time_ns": now_ns()}
        await append(self._broker, kind.model_validate({**common, **fields}))

    async def join(self, url: str, key: str, secret: str, room: str) -> None:
        self._room.on("track_subscribed", self._on_track)
        profile = e.AgentProfile(prompt="p", llm="none", stt="none", tts="none", greeting=self._greeting)
        await self._fact(e.SessionOpened, door="livekit", user_id="caller", profile=profile)
        grants = api.VideoGrants(room_join=True, room=room, can_update_own_metadata=True)
        token = api.AccessToken(key, secret).with_identity(f"agent-{self.session_id}").with_grants(grants)
        await self._room.connect(url, token.with_kind("agent").to_jwt())
        voice = rtc.LocalAudioTrack.create_audio_track("voice", self._source)
        await self._room.local_participant.publish_track(voice)
        self._tasks.append(asyncio.create_task(self._pump()))
        await self._room.local_participant.set_attributes({"daredevil.session": self.session_id})

    async def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._room.disconnect()
        failed = [each for each in ended if isinstance(each, Exception)]
        if failed:
            raise ExceptionGroup("the room's agent failed", failed)

    def tell(self) -> str:
        """Return what it has heard, for whoever wonders why it does not answer."""
        return (
            f"the agent has heard {len(self.callers)} microphones: {self.heard_frames} frames of 10 ms,"
            f" the loudest sample {self.heard_peak}; it has stated {self._count} facts"
        )

    async def _pump(self) -> None:
        """Send a frame each 10 ms: of what is to be said, or of silence. A track that pauses is filled up by WebRTC."""
        loop = asyncio.get_running_loop()
        began_s, number = loop.time(), 0
        while True:
            await asyncio.sleep(began_s + number * 0.01 - loop.time())
            number += 1
            sound = np.zeros(FRAME, np.int16) if self._to_say.empty() else self._to_say.get_nowait()
            await self._source.capture_frame(rtc.AudioFrame(sound.tobytes(), RATE_HZ, 1, FRAME))

    def _on_track(self, track: rtc.Track, publication: Any, participant: rtc.RemoteParticipant) -> None:
        self.callers.append(participant.identity)
        self._tasks.append(asyncio.create_task(self._listen(track, track_of_sid(publication.sid))))

    async def _listen(self, track: rtc.Track, track_id: str) -> None:
        if self.deaf:
            return
        stream = rtc.AudioStream(track, sample_rate=16_000, num_channels=1)
        await _arriving(track)
        await self._fact(e.TrackPublished, track_id=track_id, participant_id="caller")
        if self._greeting:
            self._speak("greeting")
        speaking, loud_frames, quiet = False, 0, 0
        async with aclosing(stream):
            async for event in stream:
                peak = int(np.abs(np.frombuffer(event.frame.data, np.int16).astype(np.int32)).max(initial=0))
                self.heard_frames, self.heard_peak = self.heard_frames + 1, max(self.heard_peak, peak)
                loud = peak > 1000
                loud_frames, quiet = (loud_frames + 1, 0) if loud else (loud_frames, quiet + 1)
                if loud and not speaking:
                    speaking, loud_frames = True, 1
                    ids = {"utterance_id": f"u{self._turns}", "track_id": track_id, "participant_id": "caller"}
                    await self._fact(e.SpeechStarted, **ids, start_sample=0, turn_id=f"t{self._turns}")
                if speaking and loud_frames > 30:
                    self._interrupted = True
                if speaking and quiet >= 20 and not self.mute:
                    speaking = False
                    await self._answer()

    async def _answer(self) -> None:
        if self._reply is not None:
            await asyncio.wait([self._reply])
        turn_id = f"t{self._turns}"
        self._turns += 1
        await self._fact(e.TurnEnded, turn_id=turn_id, participant_id="caller", text="Hello there.")
        self._speak(turn_id)

    def _speak(self, turn_id: str) -> None:
        self._interrupted = False
        self._reply = asyncio.create_task(self._say(turn_id))
        self._tasks.append(self._reply)

    async def _say(self, turn_id: str) -> None:
        ids = {"turn_id": turn_id, "reply_id": f"r-{turn_id}"}
        await self._fact(e.ReplyStarted, **ids, text="Hello there.")
        await self._fact(e.ReplyCompleted, **ids, text="Hi!", clauses=1)
        tone = (8000 * np.sin(np.arange(FRAME) * 2 * np.pi / 48)).astype(np.int16)
        number = 0
        for number in range(LEAD_FRAMES + round(self._reply_s * 100)):
            if self._interrupted:
                break
            await self._to_say.put(tone if number >= LEAD_FRAMES else np.zeros(FRAME, np.int16))
            if number == LEAD_FRAMES:
                parts = e.LatencyParts(endpointing_ms=200, bus_ms=5)
                await self._fact(e.PlaybackStarted, **ids, gap_ms=205, parts=parts)
        over = e.PlaybackInterrupted if self._interrupted else e.PlaybackFinished
        await self._fact(over, **ids, heard_text="Hi!", played_samples=number * FRAME)


async def _arriving(track: rtc.Track) -> None:
    """Wait for the first packet of a track.

    The SDK reports a track as subscribed before the server has its answer and forwards it. On a busy machine whole
    words were lost in between, and nothing repeats them.
    """

    async def has_packets() -> bool:
        inbound = [stats.inbound_rtp for stats in await track.get_stats() if stats.HasField("inbound_rtp")]
        return any(each.received.packets_received for each in inbound)

    await until_async(has_packets, what="a packet of the microphone arrives")


@asynccontextmanager
async def room_agent(broker: NatsBroker, server: LiveKitServer, room: str, **options: Any) -> AsyncIterator[RoomAgent]:
    """Have an agent in the room for the length of a block."""
    agent = RoomAgent(broker, f"lk-{room}", **options)
    await agent.join(server.url, server.api_key, server.api_secret, room)
    try:
        yield agent
    except Exception as error:
        error.add_note(agent.tell())
        raise
    finally:
        await agent.leave()
