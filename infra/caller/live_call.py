"""A call at the WebSocket door with a person's own microphone and loudspeaker."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

import numpy as np
import soxr
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from infra.caller.loudspeaker import Loudspeaker, Report
from infra.caller.talk import CallFailed, OnFact
from infra.caller.websocket_messages import greeted, played_message, ws_url
from infra.process.tasks import ended

HANG_UP_TIMEOUT_S = 5.0
OPEN_TIMEOUT_S = 10.0


class SoundDevices(Protocol):
    """A microphone and a loudspeaker on one clock: 16-bit mono PCM at `rate_hz`."""

    rate_hz: int
    latency_s: float
    """From `play` to the ear."""

    async def heard(self) -> bytes:
        """Return the microphone's next frame. Raises DevicesFailed."""

    def play(self, pcm: bytes) -> None:
        """Let the loudspeaker play this after what it has already."""


OnLevels = Callable[[float, float], None]
"""Takes the levels of microphone and loudspeaker with each frame: 0 is silence, 1 full scale."""


async def hold_call(
    url: str,
    devices: SoundDevices,
    hello: dict[str, Any],
    on_fact: OnFact,
    on_levels: OnLevels,
    hang_up: asyncio.Event,
) -> str:
    """Call the door at `url` until `hang_up` is set or the door ends the call; return the session's id.

    `hello` are further fields of the greeting: `user_id`, `token`, … Raises CallFailed.
    """
    fields = {"type": "hello", "mic": True, "sample_rate_hz": devices.rate_hz, "counts_played": True} | hello
    try:
        async with connect(ws_url(url), max_size=1 << 24, compression=None, open_timeout=OPEN_TIMEOUT_S) as socket:
            welcome = await greeted(socket, fields)
            call = LiveCall(socket, devices, welcome["sample_rate_hz"], on_fact, on_levels)
            await call.hold(hang_up)
            return str(welcome["session_id"])
    except (OSError, TimeoutError, WebSocketException) as error:
        raise CallFailed(f"the call to {ws_url(url)} failed: {str(error) or type(error).__name__}") from error


class LiveCall:
    """An answered call: one task listens to the door, one passes sound on, frame by frame."""

    def __init__(
        self, socket: ClientConnection, devices: SoundDevices, rate_hz: int, on_fact: OnFact, on_levels: OnLevels
    ) -> None:
        self._socket = socket
        self._devices = devices
        self._loudspeaker = Loudspeaker(rate_hz)
        self._resampled = soxr.ResampleStream(rate_hz, devices.rate_hz, 1, dtype="int16")
        self._on_fact = on_fact
        self._on_levels = on_levels
        self._sending_reply = ""
        self._refusals: list[str] = []
        self._reports: deque[Report] = deque()
        """What was played and is not heard yet: it is reported when the ear has it."""
        self._played_s = self._now_s()
        """Up to here the agent's sound was given to the loudspeaker (event loop's clock)."""

    async def hold(self, hang_up: asyncio.Event) -> None:
        """Run the call until `hang_up` is set or the connection ends. Raises CallFailed."""
        receiving = asyncio.create_task(self._receive(), name="caller's ear")
        sounding = asyncio.create_task(self._sound(), name="caller's microphone and loudspeaker")
        leaving = asyncio.create_task(hang_up.wait(), name="caller hangs up")
        try:
            done, _ = await asyncio.wait((receiving, sounding, leaving), return_when=asyncio.FIRST_COMPLETED)
            await ended(sounding)
            for task in done - {leaving}:
                task.result()
            with suppress(ConnectionClosed):
                await self._socket.send(json.dumps({"type": "hangup"}))
                await asyncio.wait([receiving], timeout=HANG_UP_TIMEOUT_S)
        finally:
            await ended(receiving, sounding, leaving)
        if leaving not in done and self._socket.close_code != 1000:
            broke_off = f"the connection to the door broke off (close code {self._socket.close_code})"
            raise CallFailed(self._refusals[-1] if self._refusals else broke_off)

    async def _receive(self) -> None:
        with suppress(ConnectionClosed):
            async for message in self._socket:
                if isinstance(message, bytes):
                    self._reports += self._loudspeaker.receive(self._now_s(), self._sending_reply, message)
                else:
                    self._reports += self._take(json.loads(message))

    def _take(self, message: dict[str, Any]) -> list[Report]:
        match message.get("type"):
            case "fact":
                self._on_fact(message["name"], message["data"])
            case "error":
                self._refusals.append(str(message.get("message") or message.get("code")))
            case "reply":
                self._sending_reply = str(message.get("reply_id", ""))
        return self._loudspeaker.tell(self._now_s(), message)

    async def _sound(self) -> None:
        """Pass on each frame of the microphone, and give the loudspeaker what is due by then. Raises DevicesFailed."""
        with suppress(ConnectionClosed):
            while True:
                heard = await self._devices.heard()
                await self._socket.send(heard)
                sound = self._due()
                self._devices.play(sound)
                self._on_levels(_level(heard), _level(sound))
                await self._report()

    def _due(self) -> bytes:
        """Return the agent's sound since the last frame, at the devices' rate."""
        now_s, rate_hz = self._now_s(), self._loudspeaker.rate_hz
        self._reports += self._loudspeaker.advance(now_s)
        count = round((now_s - self._played_s) * rate_hz)
        end_s = self._played_s + count / rate_hz
        begin_s, samples, _ = self._loudspeaker.heard(self._played_s, end_s)
        first = round((self._played_s - begin_s) * rate_hz)
        self._played_s = end_s
        return bytes(self._resampled.resample_chunk(samples[first : first + count]).tobytes())

    async def _report(self) -> None:
        """Report what the ear has heard by now."""
        while self._reports and self._reports[0].at_s + self._devices.latency_s <= self._now_s():
            report = self._reports.popleft()
            ago_s = self._now_s() - report.at_s - self._devices.latency_s
            await self._socket.send(played_message(report, ago_s))

    @staticmethod
    def _now_s() -> float:
        return asyncio.get_running_loop().time()


def _level(pcm: bytes) -> float:
    samples = np.frombuffer(pcm, "<i2")
    return float(np.abs(samples.astype(np.int32)).max(initial=0)) / 32768
