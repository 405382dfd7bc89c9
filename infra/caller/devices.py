"""The machine's own microphone and loudspeaker (PortAudio), without the echo of the one in the other."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

RATE_HZ = 48_000
FRAME = RATE_HZ // 100
"""Samples of 10 ms: WebRTC's echo canceller takes no other length."""
MOST_WAITING = 200
"""Most frames of the microphone that wait (2 s); what is older is dropped, so that a stall does not stay as delay."""
MOST_AHEAD = RATE_HZ // 5 * 2
"""Most bytes that wait for the loudspeaker (200 ms)."""
SILENT_S = 5.0
NO_PORTAUDIO = (
    "sound devices need the PortAudio library: `sudo apt install libportaudio2` (Debian, Ubuntu), `sudo dnf install "
    "portaudio` (Fedora); wheels for macOS and Windows contain it"
)


class DevicesFailed(RuntimeError):
    """There is no microphone or loudspeaker to use; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class DevicesWanted:
    """Which devices to open, by number or part of a name (None is the default), and whether to take the echo out."""

    microphone: int | str | None = None
    loudspeaker: int | str | None = None
    cancels_echo: bool = True


def _portaudio() -> Any:
    """Return the binding. Raises DevicesFailed if its library is not installed."""
    try:
        import sounddevice
    except OSError as error:
        raise DevicesFailed(f"{NO_PORTAUDIO} ({error})") from error
    return sounddevice


def device_list() -> str:
    """Return the devices as a table, with the defaults marked. Raises DevicesFailed."""
    return str(_portaudio().query_devices())


class Devices:
    """An open microphone and loudspeaker: see `infra.caller.live_call.SoundDevices`.

    PortAudio calls back from a thread of its own every 10 ms; what is played is taken out of what is heard there, where
    both are of the same moment.
    """

    rate_hz = RATE_HZ

    def __init__(self, loop: asyncio.AbstractEventLoop, cancels_echo: bool) -> None:
        self.latency_s = 0.0
        self.silent_s = SILENT_S
        self._loop = loop
        self._frames: asyncio.Queue[bytes] = asyncio.Queue(MOST_WAITING)
        self._lock = threading.Lock()
        self._to_play = bytearray()
        self._canceller = _echo_canceller() if cancels_echo else None

    async def heard(self) -> bytes:
        """See SoundDevices."""
        try:
            async with asyncio.timeout(self.silent_s):
                return await self._frames.get()
        except TimeoutError as error:
            raise DevicesFailed(f"the microphone has sent nothing for {self.silent_s:g} s: is it connected?") from error

    def play(self, pcm: bytes) -> None:
        """See SoundDevices. Beyond 200 ms the oldest is dropped: the devices' clock runs slower than the call's."""
        with self._lock:
            self._to_play += pcm
            del self._to_play[: max(0, len(self._to_play) - MOST_AHEAD)]

    def exchange(self, heard: bytes, count: int) -> bytes:
        """Take `count` samples of the microphone; return as many for the loudspeaker. In PortAudio's thread."""
        with self._lock:
            played = bytes(self._to_play[: count * 2]).ljust(count * 2, b"\0")
            del self._to_play[: count * 2]
        if self._canceller is not None:
            heard = self._canceller(heard, played)
        self._loop.call_soon_threadsafe(self._put, heard)
        return played

    def _put(self, heard: bytes) -> None:
        if self._frames.full():
            self._frames.get_nowait()
        self._frames.put_nowait(heard)


@contextmanager
def open_devices(wanted: DevicesWanted) -> Iterator[Devices]:
    """Open a microphone and a loudspeaker for the running event loop. Raises DevicesFailed."""
    portaudio = _portaudio()
    devices = Devices(asyncio.get_running_loop(), wanted.cancels_echo)

    def called_back(heard: Any, played: Any, count: int, _time: Any, _status: Any) -> None:
        played[:] = devices.exchange(bytes(heard), count)

    try:
        stream = portaudio.RawStream(
            samplerate=RATE_HZ,
            blocksize=FRAME,
            device=(wanted.microphone, wanted.loudspeaker),
            channels=1,
            dtype="int16",
            latency="low",
            callback=called_back,
        )
    except (portaudio.PortAudioError, ValueError) as error:
        raise DevicesFailed(f"{error}: `daredevil console --list-devices` shows what there is") from error
    with stream:
        devices.latency_s = float(stream.latency[1])
        yield devices


def _echo_canceller() -> Any:
    """Return what takes played sound out of heard sound, both 10 ms: WebRTC's audio processing."""
    from livekit.rtc import AudioFrame
    from livekit.rtc.apm import AudioProcessingModule

    module = AudioProcessingModule(echo_cancellation=True, noise_suppression=True, high_pass_filter=True)

    def without_echo(heard: bytes, played: bytes) -> bytes:
        module.process_reverse_stream(AudioFrame(bytearray(played), RATE_HZ, 1, len(played) // 2))
        frame = AudioFrame(bytearray(heard), RATE_HZ, 1, len(heard) // 2)
        module.process_stream(frame)
        return bytes(frame.data.cast("b"))

    return without_echo
