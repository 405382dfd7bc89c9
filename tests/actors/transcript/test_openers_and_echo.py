"""A caller whose microphone hears the agent: what comes back of an opener is not taken for the caller going on."""

import time

import numpy as np
import pytest

from actors.transcript.track_openers import MOST_FALSE_STARTS
from contracts import events as e
from contracts.audio import IN_SAMPLE_RATE_HZ, OPENER_LOUDNESS, OutFrame
from infra.caller.echo import EchoingMicrophone
from infra.caller.manner import Echo
from tests.actors.transcript.heard_track import HeardTrack
from tests.actors.transcript.test_turn_silence import heard, score, settled
from tests.engine_servers.spelt_sound import Samples, spelt

SAID = "please tell me what time the train leaves"
FRAMES = 8
"""Frames of the microphone that are heard together: 160 ms, which are whole windows, too."""


def voice(seconds: float) -> Samples:
    return (np.random.default_rng(1).normal(size=int(seconds * IN_SAMPLE_RATE_HZ)) * 2_000).astype(np.int16)


class EchoingCaller:
    """A caller with a loudspeaker, which the microphone hears."""

    def __init__(self, track: HeardTrack, echo: Echo) -> None:
        self.track = track
        self.microphone = EchoingMicrophone(IN_SAMPLE_RATE_HZ, self._heard, echo)
        self.is_open = True
        """Else it is heard by headphones alone."""
        self._played = np.zeros(60 * IN_SAMPLE_RATE_HZ, np.int16)

    def _heard(self, begin_s: float, end_s: float) -> tuple[float, Samples, int]:
        first = max(0, int(begin_s * IN_SAMPLE_RATE_HZ) - 1)
        played = self._played if self.is_open else np.zeros_like(self._played)
        piece = played[first : max(first, int(end_s * IN_SAMPLE_RATE_HZ) + 2)]
        return first / IN_SAMPLE_RATE_HZ, piece, IN_SAMPLE_RATE_HZ

    def plays(self, reply_id: str, sound: Samples, fact: e.Event, loudness: float = 1.0) -> None:
        """Let the agent be heard from now on."""
        self.track.playback.take(fact, time.monotonic_ns())
        frame = OutFrame(reply_id, 0, 0, IN_SAMPLE_RATE_HZ, sound.astype("<i2").tobytes(), True)
        self.track.playback.add(frame, time.monotonic_ns())
        now = self.microphone.position
        self._played[now : now + len(sound)] = sound * loudness

    async def goes_on(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(round(seconds * 50 / FRAMES)):
            pcm = b"".join(self.microphone.frame() for _ in range(FRAMES))
            await self.track.hear(np.frombuffer(pcm, "<i2"))

    async def says(self, words: str) -> e.TranscriptRevised:
        """Say something; return the words once they are settled in the pause after it."""
        before = len(settled(self.track))
        sound = spelt(words)
        self.microphone.say(sound)
        await self.goes_on(len(sound) / IN_SAMPLE_RATE_HZ)
        while len(settled(self.track)) == before:
            await self.goes_on(0.16)
            await self.track.until(lambda: True)
        return settled(self.track)[-1]


async def ask_something(caller: EchoingCaller, reply_id: str = "r") -> None:
    """Hear the agent out, say what may be all, and hear the opener, if there is one."""
    track = caller.track
    await caller.goes_on(0.16)
    caller.plays(reply_id, voice(4), e.ReplyStarted(**track.about(reply_id), reply_id=reply_id, text=""))
    await caller.goes_on(5)
    await track.tell(score(track, await caller.says(SAID), 0.5))
    known = len(track.of(e.OpenerCued))
    await caller.goes_on(0.16)
    for cued in track.of(e.OpenerCued)[known:]:
        caller.plays(cued.reply_id, voice(0.4), cued, OPENER_LOUDNESS)
    await caller.goes_on(1.5)


@pytest.mark.parametrize("db", [0, -6, -12, -20, -30, -40, -60])
async def test_no_opener_is_cut_off_by_its_own_echo(db: float) -> None:
    async with heard(opener="Well,") as track:
        await ask_something(EchoingCaller(track, Echo(db)))
        assert track.of(e.OpenerRetracted) == []
        assert [turn.text for turn in track.of(e.TurnEnded)] == [SAID]


async def test_a_loudspeaker_that_is_switched_on_during_a_call_cuts_few_openers_off() -> None:
    async with heard(opener="Well,") as track:
        caller = EchoingCaller(track, Echo(0))
        for n in range(4):
            caller.is_open = n > 0
            await ask_something(caller, f"r{n}")
        assert 0 < len(track.of(e.OpenerRetracted)) <= MOST_FALSE_STARTS
        assert [turn.text for turn in track.of(e.TurnEnded)] == [SAID] * 4
