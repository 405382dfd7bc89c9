"""Guesses where the voice falls silent: their words are the words if nothing was said since, and cost is bounded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np

from actors.transcript.guesses import SILENCE_SAMPLES
from contracts import events as e
from infra.engines.vad import WINDOW_SAMPLES, Samples, TrackVad
from infra.settings import Settings
from tests.actors.transcript.heard_track import HeardTrack, TestedEngines
from tests.actors.transcript.scripted import LoudnessVad
from tests.engine_servers.spelt_sound import silence, spelt

LATE_WINDOWS = 3
"""For how long the detector hears speech after its last sound, as the real one does."""


class _LateVad(TrackVad):
    _left = 0

    async def probabilities(self, samples: Samples) -> list[float]:
        found = []
        for probability in await super().probabilities(samples):
            self._left = LATE_WINDOWS if probability else max(0, self._left - 1)
            found.append(1.0 if probability or self._left else 0.0)
        return found


class _LateVads(LoudnessVad):
    def track(self) -> TrackVad:
        vad = _LateVad(None, self._executor)  # type: ignore[arg-type]
        vad.failure = "there is no model here"
        return vad


@asynccontextmanager
async def heard(stt: str = "local") -> AsyncIterator[tuple[HeardTrack, TestedEngines]]:
    engines = TestedEngines(Settings(stt=stt))
    engines.vad = _LateVads()
    track = HeardTrack(engines)
    try:
        yield track, engines
    finally:
        await track.aclose()
        engines.vad.close()


async def hear(track: HeardTrack, *sounds: Samples) -> None:
    """Send sound, window by window; each guess is over before the next window comes."""
    guesses = track.listener._recognising.guesses
    sound = np.concatenate(sounds)
    for first in range(0, len(sound), WINDOW_SAMPLES):
        await track.hear(sound[first : first + WINDOW_SAMPLES])
        if guesses._running is not None:
            await asyncio.wait([guesses._running.run.result])
            await asyncio.sleep(0)


def settled(track: HeardTrack) -> list[e.TranscriptRevised]:
    return [each for each in track.of(e.TranscriptRevised) if each.settled]


def ends_in_silence(pcm: bytes) -> bool:
    """Return whether an engine was given the silence that follows a fall."""
    return not any(pcm[-2 * SILENCE_SAMPLES :])


async def test_words_that_are_guessed_as_the_voice_falls_silent_are_the_words() -> None:
    async with heard() as (track, engines):
        await hear(track, spelt("please tell me"), silence(5 * WINDOW_SAMPLES))
        await track.until(lambda: settled(track))
        asked = len(engines.local_heard)
        (revised,) = settled(track)
        assert revised.text == "please tell me"
        assert ends_in_silence(engines.local_heard[-1])
        assert (revised.asked_ns or 0) < (revised.noticed_ns or 0) <= revised.time_ns
        (turn,) = await track.until_ended()
        (said,) = track.of(e.UtteranceTranscribed)
        assert (turn.text, said.text) == ("please tell me", "please tell me")
        assert (said.asked_ns, said.noticed_ns) == (revised.asked_ns, revised.noticed_ns)
        # The end of speech is the detector's, the words are of sound up to the fall.
        assert said.end_sample == len(spelt("please tell me")) + (LATE_WINDOWS - 1) * WINDOW_SAMPLES
        assert said.heard_to_sample < said.end_sample
        assert len(engines.local_heard) == asked


async def test_what_is_said_after_a_fall_is_heard() -> None:
    async with heard() as (track, _):
        stop = silence(WINDOW_SAMPLES + WINDOW_SAMPLES // 2)
        await hear(track, spelt("please tell"), stop, spelt("me what time"), silence(WINDOW_SAMPLES // 2))
        (turn,) = await track.until_ended()
        assert turn.text == "please tell me what time"


async def test_a_fall_is_guessed_once_and_while_another_guess_is_under_way_none_begins() -> None:
    async with heard() as (track, engines):
        await hear(track, spelt("please tell me"))
        guesses = track.listener._recognising.guesses
        await hear(track, silence(2 * WINDOW_SAMPLES))
        asked = len(engines.local_heard)
        utterance = track.listener._turn.last  # type: ignore[union-attr]
        for _ in range(3):
            assert not guesses.is_due_at_fall(utterance)
            await hear(track, silence(WINDOW_SAMPLES))
        assert len(engines.local_heard) <= asked + 1
        assert guesses._running is None


async def test_no_guess_begins_at_a_fall_while_recognition_has_much_to_do_and_the_share_is_used_up() -> None:
    async with heard() as (track, engines):
        recognition = track.listener._recognising
        lane = recognition.guesses._recogniser.lane
        await hear(track, spelt("please tell me"))
        lane.clock, lane._mean_running, lane._mean_at = lambda: 0.0, 1.0, 0.0
        recognition._load.extra = 1_000_000
        before = len(engines.local_heard)
        await hear(track, silence(2 * WINDOW_SAMPLES))
        assert len(engines.local_heard) == before
        recognition._load.extra = 0
        (turn,) = await track.until_ended()
        assert turn.text == "please tell me"
        assert settled(track)[-1].noticed_ns is None


async def test_a_guess_without_words_is_not_taken_for_the_words() -> None:
    async with heard() as (track, engines):
        mumbled = np.full(12 * WINDOW_SAMPLES, 1000, np.int16)
        await hear(track, mumbled, silence(2 * WINDOW_SAMPLES))
        assert len(engines.local_heard) == 1
        await hear(track, silence(2 * WINDOW_SAMPLES))
        await track.until(lambda: len(engines.local_heard) == 2)
        assert len(engines.local_heard[1]) > len(engines.local_heard[0]) - 2 * SILENCE_SAMPLES


async def test_an_engine_that_costs_a_request_is_asked_only_when_silence_is_noticed() -> None:
    async with heard() as (track, _):
        track.listener._recognising.guesses._can_be_final = False
        await hear(track, spelt("please tell me"), silence(5 * WINDOW_SAMPLES))
        await track.until(lambda: settled(track))
        assert settled(track)[-1].noticed_ns is None
