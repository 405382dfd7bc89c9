"""A caller whose microphone hears the agent: what it sends is what was played, later and fainter."""

import numpy as np
import pytest

from infra.caller.echo import EchoingMicrophone
from infra.caller.loudspeaker import Loudspeaker
from infra.caller.manner import Echo
from infra.caller.room_ear import RoomEar
from infra.caller.wav import Samples

EAR_HZ, MIC_HZ = 24_000, 16_000
WAVE = np.round(8000 * np.sin(2 * np.pi * 300 * np.arange(EAR_HZ) / EAR_HZ)).astype("<i2")
"""A second of the agent."""


def frames(microphone: EchoingMicrophone, count: int) -> Samples:
    return np.frombuffer(b"".join(microphone.frame() for _ in range(count)), "<i2")


def echo_at(seconds: float, db: float) -> Samples:
    """Return two seconds of a microphone that hears the wave from then on."""
    times_s = np.arange(2 * MIC_HZ) / MIC_HZ - seconds
    heard = 8000 * 10 ** (db / 20) * np.sin(2 * np.pi * 300 * times_s)
    return np.round(np.where((times_s >= 0) & (times_s < 1), heard, 0)).astype(np.int16)


def differs(samples: Samples, other: Samples) -> int:
    return int(np.max(np.abs(samples.astype(int) - other)))


@pytest.mark.parametrize(("db", "delay_ms"), [(-12, 150), (-25, 20), (0, 400)])
async def test_what_a_loudspeaker_plays_comes_back(db: float, delay_ms: float) -> None:
    speaker = Loudspeaker(EAR_HZ)
    speaker.begin("r", "t")
    speaker.receive(0.25, "r", WAVE.tobytes())
    microphone = EchoingMicrophone(MIC_HZ, speaker.heard, Echo(db, delay_ms))
    heard = [frames(microphone, 25)]
    speaker.advance(0.5)
    heard += [frames(microphone, 5)]
    speaker.advance(0.6)
    heard += [frames(microphone, 70)]
    assert differs(np.concatenate(heard), echo_at(0.25 + delay_ms / 1000, db)) < 300 * 10 ** (db / 20)


async def test_a_pause_is_silent_and_then_it_goes_on() -> None:
    speaker = Loudspeaker(EAR_HZ)
    speaker.begin("r", "t")
    speaker.receive(0, "r", WAVE.tobytes())
    speaker.pause(0.5, "r")
    microphone = EchoingMicrophone(MIC_HZ, speaker.heard, Echo(0, 100))
    heard = frames(microphone, 50)
    assert np.any(heard[8000:9500])
    assert not np.any(heard[9700:])
    speaker.resume(1.0, "r")
    assert np.any(frames(microphone, 25)[1700:])


async def test_what_is_heard_in_a_room_comes_back() -> None:
    ear = RoomEar(EAR_HZ)
    for number in range(100):
        ear.hear(0.25 + number * 0.01, WAVE[number * 240 : (number + 1) * 240])
    microphone = EchoingMicrophone(MIC_HZ, ear.heard, Echo(-12, 150))
    assert differs(frames(microphone, 100), echo_at(0.4, -12)) < 300
