"""A call through a LiveKit room: join, talk into a microphone track, listen to the agent's, leave.

The agent is the participant with the attribute `daredevil.session`, which names the session to read from the log.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from faststream.nats import NatsBroker
from livekit import api, rtc
from livekit.rtc.participant import PublishTrackError
from nats.errors import Error as NatsError

from contracts.events import OpenerPlayed, PlaybackFinished, PlaybackInterrupted, PlaybackStarted, TrackPublished
from contracts.topology import OPERATOR
from infra.agents.choosing import NO_CHOICE, AgentWanted
from infra.caller.echo import EchoingMicrophone
from infra.caller.jitter_buffer import JitterBuffer
from infra.caller.manner import Echo
from infra.caller.microphone import Microphone
from infra.caller.result import CallResult, ScriptedUtterance
from infra.caller.room_ear import RoomEar
from infra.caller.spoken_whole import QUEUE_MS, SpokenWhole
from infra.caller.talk import CallFailed, OnFact, Talk, ignore_fact
from infra.livekit.naming import tracks_of_sid
from infra.livekit.refusals import why_refused
from infra.livekit.tokens import attributes_of
from infra.log.broker import make_broker
from infra.log.clock import CLOCK
from infra.log.common_time import agree
from infra.log.connection import connection
from infra.log.event_log import Fact
from infra.log.session_feed import SessionFeed
from infra.settings import Settings

SESSION_ATTRIBUTE = "daredevil.session"
MICROPHONE_RATE_HZ = 48_000
"""WebRTC's own rate, so nothing is resampled on the way."""
MICROPHONE_FRAMES_PER_S = 100
"""Frames of 10 ms, which the SDK accepts without a queue of its own, so that nothing waits in it."""
EAR_RATE_HZ = 24_000
EAR_FRAME_MS, LIGHT_EAR_FRAME_MS = 10, 100
LIGHT_BITRATE = 96_000
"""Bits per second at which Opus skips its speech codec: half the CPU (measured with libopus 1.6 at 48 kHz)."""
CONNECT_TIMEOUT_S = 10.0
AGENT_TIMEOUT_S = 20.0
TOKEN_TTL_S = 300
"""Time to join; it does not limit the stay."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Where a room is, and the token that opens it."""

    url: str
    token: str


def minted(settings: Settings, room: str, identity: str, wanted: AgentWanted = NO_CHOICE) -> Admission:
    """Return an admission to one room, with a token signed here; it brings the agent, if that only comes by name.

    `wanted` is the agent to talk with, and variables of its instructions.
    """
    grants = api.VideoGrants(room_join=True, room=room)
    token = api.AccessToken(settings.livekit_api_key, settings.livekit_api_secret).with_grants(grants)
    token = token.with_identity(identity).with_name(identity).with_ttl(timedelta(seconds=TOKEN_TTL_S))
    attributes = attributes_of(wanted)
    if attributes:
        token = token.with_attributes(attributes)
    if settings.livekit_agent_name:
        dispatch = api.RoomAgentDispatch(agent_name=settings.livekit_agent_name)
        token = token.with_room_config(api.RoomConfiguration(agents=[dispatch]))
    return Admission(settings.livekit_url, token.to_jwt())


@dataclass(frozen=True, slots=True)
class RoomDial:
    """Calls the agent of a room, by default of a new one for each call; a `Dial`.

    Tokens are signed with the settings' key and secret, unless a `token` is given. A `light` caller uses less CPU, for
    many at once: it passes its utterances on whole, and hears in longer frames.
    """

    settings: Settings
    room: str = ""
    token: str = ""
    light: bool = False
    echo: Echo | None = None
    """Its microphone also hears the agent, unless it is light."""
    wanted: AgentWanted = NO_CHOICE
    """Which agent it wants to talk with, unless there is a token."""

    async def __call__(
        self, utterances: Iterable[ScriptedUtterance], *, user_id: str = "caller", on_fact: OnFact = ignore_fact
    ) -> CallResult:
        """Join, talk, leave. Raises CallFailed, NotRunning."""
        if self.token:
            admission = Admission(self.settings.livekit_url, self.token)
        else:
            room = self.room or f"call-{secrets.token_hex(4)}"
            admission = minted(self.settings, room, user_id, self.wanted)
        return await place_room_call(admission, utterances, on_fact=on_fact, light=self.light, echo=self.echo)


async def place_room_call(
    admission: Admission,
    utterances: Iterable[ScriptedUtterance],
    *,
    answer_timeout_s: float = 30,
    agent_timeout_s: float = AGENT_TIMEOUT_S,
    on_fact: OnFact = ignore_fact,
    light: bool = False,
    echo: Echo | None = None,
) -> CallResult:
    """Join the room, say the utterances to its agent, and return what came of it, as `place_call` does.

    Utterances are read when they are due, so a call lasts as long as `utterances` yields. The facts come from the log
    of the settings. Raises CallFailed, NotRunning.
    """
    broker = make_broker(OPERATOR)
    try:
        await _connect_log(broker)
        call = _RoomCall(broker, answer_timeout_s, on_fact, light, echo)
        try:
            await call.join(admission)
            await call.hold(utterances, agent_timeout_s)
        finally:
            await call.leave()
        return call.talk.result
    except rtc.ConnectError as error:
        raise CallFailed(f"the room at {admission.url} cannot be joined: {why_refused(error.message)}") from error
    except (OSError, TimeoutError, PublishTrackError) as error:
        raise CallFailed(f"the call through {admission.url} failed: {str(error) or type(error).__name__}") from error
    finally:
        await broker.stop()


async def _connect_log(broker: NatsBroker) -> None:
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await broker.connect()
            await agree(connection(broker))
    except (TimeoutError, NatsError) as error:
        raise CallFailed(
            "the log (NATS) does not answer, and the result of the call is read from it: is the system running?"
        ) from error


class _RoomCall:
    """A caller in a room. One task sends, one listens to each of the agent's tracks, one reads the log."""

    talk: Talk

    def __init__(
        self, broker: NatsBroker, answer_timeout_s: float, on_fact: OnFact, light: bool, echo: Echo | None
    ) -> None:
        self._broker = broker
        self._echo = echo
        self._light = light
        self._answer_timeout_s = answer_timeout_s
        self._on_fact = on_fact
        self._room = rtc.Room()
        self._ear = RoomEar(EAR_RATE_HZ)
        self._buffer = JitterBuffer()
        self._own_tracks: set[str] = set()
        """Ids of the microphone in the log."""
        self._session_id: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._heard_by_agent = asyncio.Event()
        self._gone = asyncio.Event()
        self._why_gone = "unknown reason"
        self._listening: dict[str, asyncio.Task[None]] = {}

    # -- joining and leaving

    async def join(self, admission: Admission) -> None:
        """Join and open the microphone. Raises ConnectError, TimeoutError."""
        began_s = asyncio.get_running_loop().time()
        self._room.on("disconnected", self._on_disconnected)
        self._room.on("track_subscribed", lambda *_: self._look())
        self._room.on("participant_attributes_changed", lambda *_: self._look())
        options = rtc.RoomOptions(connect_timeout=CONNECT_TIMEOUT_S)
        async with asyncio.timeout(CONNECT_TIMEOUT_S + 5):
            await self._room.connect(admission.url, admission.token, options)
            self._source = rtc.AudioSource(MICROPHONE_RATE_HZ, 1, queue_size_ms=QUEUE_MS if self._light else 0)
            track = rtc.LocalAudioTrack.create_audio_track("microphone", self._source)
            as_microphone = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
            if self._light:
                as_microphone.audio_encoding.max_bitrate = LIGHT_BITRATE
            published = await self._room.local_participant.publish_track(track, as_microphone)
            self._own_tracks = tracks_of_sid(published.sid)
        result = CallResult("", EAR_RATE_HZ)
        mouth: Microphone | SpokenWhole
        if self._light:
            mouth = SpokenWhole(MICROPHONE_RATE_HZ)
        elif self._echo is not None:
            mouth = EchoingMicrophone(MICROPHONE_RATE_HZ, self._ear.heard, self._echo, MICROPHONE_FRAMES_PER_S)
        else:
            mouth = Microphone(MICROPHONE_RATE_HZ, MICROPHONE_FRAMES_PER_S)
        self.talk = Talk(result, mouth, self._ear, self._answer_timeout_s, self._on_fact)
        self._speaking = asyncio.create_task(mouth.send(self._send), name="caller's mouth")
        result.connect_s = round(asyncio.get_running_loop().time() - began_s, 3)
        self._look()

    async def leave(self) -> None:
        """Leave the room."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await self._room.disconnect()

    def _on_disconnected(self, reason: "rtc.DisconnectReason.ValueType") -> None:
        with contextlib.suppress(ValueError):
            self._why_gone = rtc.DisconnectReason.Name(reason)
        self._gone.set()

    # -- the call

    async def hold(self, steps: Iterable[ScriptedUtterance], agent_timeout_s: float) -> None:
        """Run the call to its end. Raises CallFailed."""
        facts = asyncio.create_task(self._read_facts(), name="caller's facts")
        presence = asyncio.create_task(self._stay(), name="caller's presence")
        tasks = (self._speaking, facts, presence)
        try:
            await self._until_listened_to(tasks, agent_timeout_s)
            await self.talk.hold(steps, tasks, self._why_it_broke)
        finally:
            self.talk.result.seconds = round(self.talk.now_s(), 3)
            for task in (*tasks, *self._listening.values()):
                task.cancel()
            await asyncio.gather(*tasks, *self._listening.values(), return_exceptions=True)
            self.talk.result.buffered_s = self._buffer.waits()
            self.talk.finish(self._ear.heard_replies(), self._ear.answer(self.talk.result.seconds))

    async def _until_listened_to(self, tasks: Sequence["asyncio.Task[None]"], timeout_s: float) -> None:
        """Wait until the agent hears the microphone. Raises CallFailed."""
        listened_to = asyncio.create_task(self._heard_by_agent.wait())
        try:
            await asyncio.wait([listened_to, *tasks], timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            listened_to.cancel()
        if self._heard_by_agent.is_set():
            return
        if any(task.done() for task in tasks):
            raise CallFailed(self._why_it_broke(), self.talk.result)
        if self._session_id.done():
            why = f"the agent joined, but did not hear the microphone within {timeout_s:.0f} s"
        else:
            why = f"no agent joined the room within {timeout_s:.0f} s: run `daredevil run --livekit`"
        raise CallFailed(why, self.talk.result)

    def _why_it_broke(self) -> str:
        if self._gone.is_set():
            return f"the caller was disconnected from the room before the call had ended: {self._why_gone}"
        return "the caller's microphone or its connection to the log broke off"

    async def _stay(self) -> None:
        await self._gone.wait()

    async def _send(self, frame: bytes) -> None:
        count = len(frame) // 2
        await self._source.capture_frame(rtc.AudioFrame(frame, MICROPHONE_RATE_HZ, 1, count))

    # -- the agent

    def _look(self) -> None:
        """Find the agent and listen to each track that it has now."""
        if not hasattr(self, "talk"):
            return  # checked again once the microphone is open
        for participant in self._room.remote_participants.values():
            session_id = participant.attributes.get(SESSION_ATTRIBUTE, "")
            if not session_id:
                continue
            if not self._session_id.done():
                self.talk.result.session_id = session_id
                self._session_id.set_result(session_id)
            for publication in participant.track_publications.values():
                track = publication.track
                if isinstance(track, rtc.RemoteAudioTrack) and track.sid not in self._listening:
                    listen = asyncio.create_task(self._listen(track), name="caller's ear")
                    self._listening[track.sid] = listen

    async def _listen(self, track: rtc.RemoteAudioTrack) -> None:
        frame_ms = LIGHT_EAR_FRAME_MS if self._light else EAR_FRAME_MS
        stream = rtc.AudioStream(track, sample_rate=EAR_RATE_HZ, num_channels=1, frame_size_ms=frame_ms)
        # The beginning of a longer frame arrived earlier.
        before_s = (frame_ms - EAR_FRAME_MS) / 1000
        try:
            async for event in stream:
                now_s = self.talk.now_s()
                self._ear.hear(now_s - before_s, np.frombuffer(event.frame.data, np.int16).copy())
                if not self._light:
                    await self._buffer.look(track, now_s)
        finally:
            await stream.aclose()

    # -- the log

    async def _read_facts(self) -> None:
        session_id = await self._session_id
        async with SessionFeed(self._broker, session_id) as feed:
            async for fact in feed:
                self._take(fact)

    def _take(self, fact: Fact) -> None:
        event = fact.event
        self.talk.take_fact(type(event).__name__, fact.sequence, event.model_dump(mode="json", exclude_none=True))
        at_s = self._callers_s(event.time_ns)
        if isinstance(event, TrackPublished):
            if event.track_id in self._own_tracks:
                self._heard_by_agent.set()
        elif at_s < -self.talk.result.connect_s:
            return  # from a session that began before this caller joined
        elif isinstance(event, PlaybackStarted):
            self._ear.announce(event.reply_id, event.turn_id or "", at_s)
        elif isinstance(event, PlaybackFinished | PlaybackInterrupted):
            self._ear.end(event.reply_id, at_s, isinstance(event, PlaybackInterrupted))
        elif isinstance(event, OpenerPlayed):
            # It is told of when it is over: at its beginning nobody knows whether it will be heard.
            self._ear.announce(event.reply_id, event.turn_id or "", self._callers_s(event.started_ns or event.time_ns))
            self._ear.end(event.reply_id, at_s, event.retracted)

    def _callers_s(self, time_ns: int) -> float:
        """Return a time of the log as the caller's."""
        return self.talk.now_s() - max(0, CLOCK.peek_ns() - time_ns) / 1e9
