import asyncio

import numpy as np
import pytest

from tests.peers import caller_side
from tests.peers.caller_side import FRAME_SAMPLES, RATE_HZ, Ear, Line
from tests.peers.messages import Answered, Asked, Setup, answered_in, asked_in, line_of, setup_in

QUIET = np.zeros(160, np.int16)
LOUD = np.full(160, 3000, np.int16)


def test_the_onset_is_the_first_sample_that_is_not_silent() -> None:
    ear = Ear()
    assert ear.play(1.0, QUIET, 16_000) == pytest.approx(1.01)
    ear.play(1.0, np.concatenate([QUIET[:80], LOUD]), 16_000)
    assert ear.onsets_s == [pytest.approx(1.015)]


def test_sound_that_comes_late_is_heard_when_it_comes() -> None:
    ear = Ear()
    ear.play(1.0, QUIET, 16_000)
    ear.play(1.5, LOUD, 16_000)
    assert ear.onsets_s == [1.5]


def test_each_reply_has_its_own_onset_and_drops_what_is_left_of_the_last() -> None:
    ear = Ear()
    ear.play(1.0, np.concatenate([LOUD] * 100), 16_000)
    ear.begin()
    ear.play(1.2, LOUD, 16_000)
    ear.begin()
    assert ear.onsets_s == [1.0, 1.2, None]


async def test_a_call_is_spoken_whole_and_ends_once_the_answer_to_all_of_it_has_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(caller_side, "LEAD_S", 0.02)
    monkeypatch.setattr(caller_side, "AFTER_S", 0.02)
    said = np.full(RATE_HZ // 10, 500, np.int16)
    line = Line(said, end_s=0.08)
    heard = bytearray()

    async def give(frame: bytes) -> None:
        heard.extend(frame)
        if len(heard) // 2 == 3 * FRAME_SAMPLES:
            line.ear.play(line.began_s + 0.03, LOUD, 16_000)  # too early: it goes on speaking
        elif len(heard) // 2 == 10 * FRAME_SAMPLES:
            line.ear.begin()
            line.ear.play(line.began_s + 0.12, LOUD, 16_000)

    async with asyncio.timeout(5):
        await line.speak(give)
    samples = np.frombuffer(bytes(heard), "<i2")
    assert np.array_equal(samples[np.flatnonzero(samples)], said)
    assert line.onsets_s() == [0.03, 0.12]


async def test_a_call_without_an_answer_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caller_side, "PATIENCE_S", 0.05)

    async def give(_frame: bytes) -> None: ...

    line = Line(LOUD, end_s=0.01)
    async with asyncio.timeout(5):
        await line.speak(give)
    assert line.onsets_s() == []


def test_messages_are_read_back_as_they_were_written() -> None:
    setup = Setup("http://127.0.0.1:8031", [{"role": "system", "content": "Be brief.\n"}], {"seed": 7}, tuned=True)
    assert setup_in(line_of(setup)) == setup
    assert asked_in(line_of(Asked("/tmp/a.pcm", 1.5))) == Asked("/tmp/a.pcm", 1.5)
    answered = Answered([0.5], "Grüße", "")
    assert answered_in(line_of(answered)) == answered
    assert line_of(setup).count("\n") == 1
