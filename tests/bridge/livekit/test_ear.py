"""A microphone counts as heard when its packets come, and what was said since then is not lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from livekit import rtc

from bridge.livekit.ear import MicrophoneEar
from infra.log.event_log import now_ns
from infra.process.tasks import ended
from tests.bridge.livekit.guest import Guest, token
from tests.bridge.livekit.signalling import running_proxy
from tests.livekit_server import LiveKitServer
from tests.waiting import until

LOUD = 1000
TONE_S = 0.3
TONE = (9000 * np.sin(np.arange(round(16_000 * TONE_S)) * 0.2)).astype(np.int16)
LOUD_FRAMES = 0.8 * TONE_S / 0.02
"""Frames of 20 ms that are loud at least: the edges are coded softly."""


class Listener:
    """Somebody in the room with an ear for the microphone of another."""

    def __init__(self, patience_s: float = 30) -> None:
        self.allowed = asyncio.Event()
        self.opened: list[int] = []
        self.heard: list[tuple[int, int]] = []
        """When each frame came in, and its loudest sample."""
        self._patience_s = patience_s
        self.ears: list[MicrophoneEar] = []
        self._hearing: list[asyncio.Task[None]] = []

    @property
    def loud(self) -> int:
        return sum(peak > LOUD for _, peak in self.heard)

    @property
    def kept_loud(self) -> int:
        return sum(peak_of(pcm) > LOUD for _, pcm in self.ears[0]._kept)

    @asynccontextmanager
    async def joined(self, server: LiveKitServer, url: str = "") -> AsyncIterator["Listener"]:
        room = rtc.Room()
        room.on("track_subscribed", self._on_track)
        await room.connect(url or server.url, token(server, "hall", "listener"))
        try:
            yield self
        finally:
            await ended(*self._hearing)
            await room.disconnect()

    def _on_track(self, track: rtc.Track, *_: Any) -> None:
        ear = MicrophoneEar(track, "ada's", self.allowed, self.opened.append, self._take, self._patience_s)
        self.ears.append(ear)
        self._hearing.append(asyncio.create_task(ear.run()))

    async def _take(self, pcm: bytes, received_ns: int) -> None:
        self.heard.append((received_ns, peak_of(pcm)))


def peak_of(pcm: bytes) -> int:
    return int(np.abs(np.frombuffer(pcm, "<i2").astype(int)).max())


async def test_nobody_who_waits_for_the_microphone_to_open_loses_words(livekit_server: LiveKitServer) -> None:
    listener = Listener()
    listener.allowed.set()
    async with running_proxy(livekit_server) as proxy, listener.joined(livekit_server, proxy.url):
        proxy.delay_s = 0.5  # the server waits for the answer, while the SDK reports the track as subscribed
        async with Guest.joined(livekit_server, "hall", "ada") as ada:
            await until(lambda: listener.opened, what="the microphone opens")
            await ada.say(TONE)
            await until(lambda: listener.loud >= LOUD_FRAMES, what="all of it is heard")


async def test_what_is_said_before_the_session_is_open_is_heard_with_its_times(livekit_server: LiveKitServer) -> None:
    listener = Listener()
    async with listener.joined(livekit_server), Guest.joined(livekit_server, "hall", "ada") as ada:
        await until(lambda: listener.ears, what="the microphone is subscribed")
        saying = asyncio.create_task(_say_on(ada))
        await until(lambda: listener.kept_loud >= LOUD_FRAMES, what="some of it is kept")
        allowed_ns = now_ns()
        listener.allowed.set()
        await until(lambda: listener.loud > 3 * LOUD_FRAMES, what="it is heard, and what follows")
        await ended(saying)
    (since_ns,) = listener.opened
    came = [at_ns for at_ns, _ in listener.heard]
    early = [at_ns for at_ns, peak in listener.heard if peak > LOUD and at_ns < allowed_ns]
    assert since_ns == came[0]
    assert came == sorted(came)
    assert len(early) >= LOUD_FRAMES


async def _say_on(guest: Guest) -> None:
    while True:
        await guest.say(TONE)


async def test_a_microphone_that_sends_nothing_opens_all_the_same_and_is_heard_later(
    livekit_server: LiveKitServer,
) -> None:
    listener = Listener(patience_s=0.2)
    listener.allowed.set()
    async with listener.joined(livekit_server), Guest.joined(livekit_server, "hall", "ada", mic=False) as ada:
        ada.source = rtc.AudioSource(16_000, 1, queue_size_ms=0)  # it sends nothing but what it is given
        track = rtc.LocalAudioTrack.create_audio_track("mic", ada.source)
        await ada.room.local_participant.publish_track(track)
        await until(lambda: listener.opened, what="the microphone opens")
        saying = asyncio.create_task(_pump(ada.source))
        await until(lambda: listener.loud >= LOUD_FRAMES, what="it is heard")
        await ended(saying)
    assert len(listener.opened) == 1


async def _pump(source: rtc.AudioSource) -> None:
    """Say a tone at the pace of speech, on and on."""
    loop = asyncio.get_running_loop()
    began_s, number = loop.time(), 0
    while True:
        piece = TONE[number % 20 * 160 :][:160]
        await source.capture_frame(rtc.AudioFrame(piece.tobytes(), 16_000, 1, len(piece)))
        number += 1
        await asyncio.sleep(began_s + number * 0.01 - loop.time())
