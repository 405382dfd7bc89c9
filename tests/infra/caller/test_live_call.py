"""A call with a person's own devices, against a door that answers as the real one does."""

import asyncio
from typing import Any

import numpy as np
import pytest

from infra.caller.devices import Devices, DevicesFailed
from infra.caller.live_call import hold_call
from infra.caller.talk import CallFailed
from tests.infra.caller.fake_door import FakeDoor, fake_door

RATE_HZ = 16_000
FRAME = RATE_HZ // 100


class ScriptedDevices:
    """A microphone that hears a word and then silence, at the pace of a real one; keeps what was played."""

    rate_hz = RATE_HZ
    latency_s = 0.02

    def __init__(self, word_s: float) -> None:
        self.played = bytearray()
        self._frames = 0
        self._word_frames = round(word_s * 100)
        self._began_s = asyncio.get_running_loop().time()

    async def heard(self) -> bytes:
        self._frames += 1
        await asyncio.sleep(self._began_s + self._frames / 100 - asyncio.get_running_loop().time())
        loud = 8000 if self._frames <= self._word_frames else 0
        return np.full(FRAME, loud, "<i2").tobytes()

    def play(self, pcm: bytes) -> None:
        self.played += pcm


async def call(door: FakeDoor, devices: Any, until: str) -> tuple[list[str], list[float]]:
    """Hold a call until a fact of this name; return the facts and the agent's levels."""
    facts: list[str] = []
    levels: list[float] = []
    hang_up = asyncio.Event()

    def fact(name: str, _data: dict[str, Any]) -> None:
        facts.append(name)
        if name == until:
            hang_up.set()

    await hold_call(door.url, devices, {"user_id": "sam"}, fact, lambda _, agent: levels.append(agent), hang_up)
    return facts, levels


async def test_what_is_said_is_answered_played_and_reported() -> None:
    async with fake_door(reply_s=0.3) as door:
        devices = ScriptedDevices(word_s=0.3)
        facts, levels = await call(door, devices, until="PlaybackFinished")
    assert facts[-2:] == ["PlaybackStarted", "PlaybackFinished"]
    assert door.hung_up
    assert door.hello["user_id"] == "sam"
    assert door.hello["counts_played"]
    tone = np.abs(np.frombuffer(devices.played, "<i2").astype(np.int32))
    assert tone.max() > 6000
    assert np.count_nonzero(tone > 1000) / RATE_HZ == pytest.approx(0.3 * 0.93, abs=0.05)  # a sine is below that near 0
    assert max(levels) > 0.2


async def test_counts_carry_the_time_at_which_the_ear_had_them() -> None:
    async with fake_door(reply_s=0.3) as door:
        await call(door, ScriptedDevices(word_s=0.2), until="PlaybackFinished")
    assert all(report["at_ms"] <= report["clock_ms"] for report in door.played)
    assert door.played[-1]["ended"]
    assert door.played[-1]["samples"] * 2 == len(door.reply)


async def test_a_refusal_says_why() -> None:
    async with fake_door() as door:
        door.refusal = {"type": "error", "code": "unauthorized", "message": "send a token"}
        with pytest.raises(CallFailed, match="refused the call: send a token"):
            await call(door, ScriptedDevices(word_s=0.1), until="")


async def test_a_microphone_that_falls_silent_ends_the_call() -> None:
    devices = Devices(asyncio.get_running_loop(), cancels_echo=False)
    devices.silent_s = 0.05
    async with fake_door() as door:
        with pytest.raises(DevicesFailed, match="the microphone has sent nothing"):
            await call(door, devices, until="")


async def test_a_stall_does_not_stay_as_delay() -> None:
    devices = Devices(asyncio.get_running_loop(), cancels_echo=False)
    devices.play(bytes(range(250)) * 400)
    played = devices.exchange(b"\1\0" * 480, 480)
    assert len(played) == 960
    for frame in range(300):
        devices.exchange(frame.to_bytes(2, "little") * 480, 480)
    await asyncio.sleep(0)
    assert await devices.heard() == (100).to_bytes(2, "little") * 480  # 200 of 300 are kept, the newest


async def test_the_agents_voice_is_taken_out_of_what_the_microphone_hears() -> None:
    loop = asyncio.get_running_loop()
    devices = Devices(loop, cancels_echo=True)
    voice = (np.random.default_rng(7).standard_normal(48_000 * 3) * 3000).astype("<i2")
    late, heard = 480 * 4, []
    for start in range(0, len(voice), 480):
        devices.play(voice[start : start + 480].tobytes())
        echo = voice[max(0, start - late) : max(0, start - late + 480)] // 2
        devices.exchange(np.pad(echo, (480 - len(echo), 0)).astype("<i2").tobytes(), 480)
        await asyncio.sleep(0)
        heard.append(np.frombuffer(await devices.heard(), "<i2").astype(float))
    left = np.concatenate(heard[-100:])
    assert np.sqrt((left**2).mean()) < 1500 / 10  # 20 dB below the echo
