"""From an engine's sound to frames."""

import numpy as np
import pytest

from actors.synthesis.framing import ClauseFrames
from contracts.audio import MAX_OUT_FRAME_MS, OutFrame, unpack_out
from infra.engines.voice import SynthesizedSound

LONGEST = 2 * 24 * MAX_OUT_FRAME_MS


def _tone(seconds: float, rate_hz: int) -> bytes:
    samples = 8000 * np.sin(np.arange(round(seconds * rate_hz)) * 2 * np.pi * 440 / rate_hz)
    return samples.astype(np.int16).tobytes()


def _sound(seconds: float, rate_hz: int = 22_050, words: tuple[float, ...] = ()) -> SynthesizedSound:
    return SynthesizedSound(_tone(seconds, rate_hz), rate_hz, "tone", words)


def _frames(frames: ClauseFrames, *sounds: SynthesizedSound) -> list[OutFrame]:
    return [*(frame for sound in sounds for frame in frames.push(sound)), *frames.finish()]


def _ends(frames: list[OutFrame]) -> list[int]:
    return [frame.first_sample + len(frame.pcm) // 2 for frame in frames]


@pytest.mark.parametrize("pieces", [1, 7, 70])
def test_frames_follow_each_other_and_only_the_last_is_flagged(pieces: int) -> None:
    clause = ClauseFrames("r", 2, "Hello there.", 24_000)
    out = _frames(clause, *[_sound(1.05 / pieces)] * pieces)
    assert [frame.first_sample for frame in out] == [0, *_ends(out)[:-1]]
    assert all(len(frame.pcm) % 960 == 0 and 960 <= len(frame.pcm) <= LONGEST for frame in out[:-1])
    assert [frame.last for frame in out] == [False] * (len(out) - 1) + [True]
    assert clause.samples == sum(len(frame.pcm) // 2 for frame in out) == pytest.approx(1.05 * 24_000, abs=pieces)
    assert all(unpack_out(frame.pack()) == frame for frame in out)


def test_resampling_keeps_the_tone() -> None:
    clause = ClauseFrames("r", 0, "Hello.", 24_000, "soxr-hq")
    pcm = np.frombuffer(b"".join(frame.pcm for frame in _frames(clause, _sound(0.5), _sound(0.5))), np.int16)
    loudest = np.abs(np.fft.rfft(pcm)).argmax() * 24_000 / len(pcm)
    assert loudest == pytest.approx(440, abs=2)


def test_without_conversion_frames_have_the_rate_of_the_voice() -> None:
    clause = ClauseFrames("r", 0, "Hello.", None, "none")
    out = _frames(clause, _sound(0.1))
    assert {frame.sample_rate_hz for frame in out} == {22_050}
    assert b"".join(frame.pcm for frame in out) == _tone(0.1, 22_050)


def test_the_words_that_the_engine_timed_are_put_at_the_rate_of_the_frames() -> None:
    clause = ClauseFrames("r", 0, "Hello there.", 24_000)
    last = _frames(clause, _sound(1), _sound(1, words=(0.5, 1.75)))[-1]
    assert last.word_end_samples == clause.word_end_samples == (12_000, 42_000)


def test_words_that_are_all_timed_before_their_sound_is_made_go_out_at_once_and_once() -> None:
    clause = ClauseFrames("r", 0, "Hello there.", 24_000)
    first, *others = clause.push(_sound(0.4, 24_000, words=(0.5, 1.75)))
    assert first.word_end_samples == (12_000, 42_000)
    assert {frame.word_end_samples for frame in (*others, *clause.push(_sound(0.4, 24_000)))} == {()}


@pytest.mark.parametrize("told", [(), (0.5,), (1.0, 0.5)])
def test_words_that_are_not_timed_or_badly_are_spread_over_the_voiced_part(told: tuple[float, ...]) -> None:
    silence = SynthesizedSound(bytes(2 * 4800), 24_000, "tone")
    clause = ClauseFrames("r", 0, "Well there", 24_000)
    _frames(clause, silence, _sound(1, 24_000, told), silence)
    first, last = clause.word_end_samples
    assert 4800 < first < last
    assert last == pytest.approx(4800 + 24_000, abs=50)


def test_the_next_engine_says_the_clause_again_behind_what_a_failed_one_has_said() -> None:
    clause = ClauseFrames("r", 0, "Hello there.", 24_000)
    out = [*clause.push(_sound(0.3, words=(0.2,))), *clause.restart()]
    out += _frames(clause, _sound(1, 16_000, words=(0.5, 1.0)))
    start = clause.samples - 24_000
    assert start == pytest.approx(0.3 * 24_000, abs=10)
    assert clause.word_end_samples == pytest.approx((start + 12_000, start + 24_000), abs=10)
    assert [frame.first_sample for frame in out] == [0, *_ends(out)[:-1]]


def test_sound_that_is_there_goes_out_together_and_none_waits_for_more() -> None:
    clause = ClauseFrames("r", 0, "Hello.", 24_000)
    assert [len(frame.pcm) for frame in clause.push(_sound(0.95, 24_000))] == [LONGEST, LONGEST, 6720]
    assert [len(frame.pcm) for frame in clause.push(_sound(0.025, 24_000))] == [960]


def test_a_clause_without_sound_is_one_empty_last_frame() -> None:
    clause = ClauseFrames("r", 0, "...", 24_000)
    (frame,) = _frames(clause)
    assert (frame.last, frame.pcm, frame.word_end_samples, clause.samples) == (True, b"", (), 0)
