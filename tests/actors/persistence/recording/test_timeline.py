"""The stereo timeline: pieces join as if they had been one, and everything lies on its sample."""

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.persistence.recording.timeline import MOST_UNHEARD, Timeline
from contracts import events as e
from contracts.audio import OPENER_LOUDNESS, InFrame, OutFrame

START_NS = 1_700_000_000_000_000_000
PROFILE = e.AgentProfile(prompt="p", llm="local", stt="local", tts="local")
OPENED = e.SessionOpened(event_id="o", session_id="s", time_ns=START_NS, door="d", user_id="u", profile=PROFILE)
Samples = npt.NDArray[np.int16]


def _noise(samples: int, seed: int = 0) -> Samples:
    return np.random.default_rng(seed).normal(0, 4000, samples).clip(-30_000, 30_000).astype(np.int16)


def _apply(timeline: Timeline, event_class: type[e.Event], at_ms: float, **fields: Any) -> None:
    names = {"event_id": "x", "session_id": "s", "time_ns": START_NS + int(at_ms * 1e6)}
    timeline.apply(event_class(**names, **fields))


def _synthesised(timeline: Timeline, sound: Samples, rate_hz: int, reply_id: str = "r", index: int = 0) -> None:
    for first in range(0, len(sound), 480):
        last = first + 480 >= len(sound)
        pcm = sound[first : first + 480].tobytes()
        timeline.add_out(OutFrame(reply_id, index, first, rate_hz, pcm, last))


def _call(rate_hz: int) -> tuple[Timeline, Samples, Samples]:
    """A person from 0.1 s on, the agent from 0.5 s on, a second each."""
    timeline = Timeline(OPENED)
    person, agent = _noise(16_000), _noise(rate_hz, 1)
    for first in range(0, 16_000, 320):
        received_ns = START_NS + 100_000_000 + (first + 320) * 62_500
        timeline.add_in(InFrame("t", first, received_ns, person[first : first + 320].tobytes()))
    _synthesised(timeline, agent, rate_hz)
    _apply(timeline, e.PlaybackStarted, 500, reply_id="r")
    timeline.place(0, all_of_it=True)
    return timeline, person, agent


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 24_000, 48_000])
def test_sound_lies_on_its_sample(rate_hz: int) -> None:
    timeline, person, agent = _call(rate_hz)
    piece = timeline.piece(0, 96_000).astype(int)
    expected = np.zeros((96_000, 2), int)
    expected[4800 : 4800 + 48_000, 0] = soxr.resample(person.astype(np.float32), 16_000, 48_000, quality="MQ")
    expected[24_000 : 24_000 + 48_000, 1] = soxr.resample(agent.astype(np.float32), rate_hz, 48_000, quality="MQ")
    # Where sound ends at once, the resampler rings for a moment.
    body = np.r_[4900:52_700]
    np.testing.assert_allclose(piece[body, 0], expected[body, 0], atol=1)
    np.testing.assert_allclose(piece[:, 1], expected[:, 1], atol=1)


@settings(max_examples=25)
@given(st.sampled_from([16_000, 22_050, 24_000]), st.lists(st.integers(1, 99), unique=True, max_size=4))
def test_pieces_join_as_if_they_were_one(rate_hz: int, cuts: list[int]) -> None:
    timeline, _, _ = _call(rate_hz)
    places = [0, *(960 * cut for cut in sorted(cuts)), 96_000]
    pieces = [timeline.piece(start, end) for start, end in pairwise(places)]
    np.testing.assert_allclose(np.concatenate(pieces).astype(int), timeline.piece(0, 96_000).astype(int), atol=1)


def test_an_interrupted_reply_is_cut_to_the_sample_and_a_pause_is_silence() -> None:
    timeline = Timeline(OPENED)
    sound = _noise(48_000)
    _synthesised(timeline, sound[:20_000], 48_000)
    _synthesised(timeline, sound[20_000:], 48_000, index=1)
    _apply(timeline, e.PlaybackStarted, 100, reply_id="r")
    _apply(timeline, e.PlaybackPaused, 500, reply_id="r", played_samples=9_600)
    _apply(timeline, e.PlaybackResumed, 700, reply_id="r", played_samples=9_600)
    _apply(timeline, e.PlaybackInterrupted, 1300, reply_id="r", played_samples=28_800, heard_text="")
    heard = timeline.piece(0, 96_000)[:, 1]
    expected = np.zeros(96_000, np.int16)
    expected[4800:14_400] = sound[:9_600]
    expected[33_600:52_800] = sound[9_600:28_800]
    np.testing.assert_array_equal(heard, expected)


def test_an_opener_lies_where_it_was_heard_quieter_than_a_reply_and_only_as_far_as_it_was() -> None:
    timeline = Timeline(OPENED)
    opener, answer = _noise(24_000), _noise(24_000, 1)
    why = {"reason": "between", "silence_ms": 210, "required_silence_ms": 700, "speech_ended_ns": START_NS}
    _apply(timeline, e.OpenerCued, 80, reply_id="o", participant_id="p", text="Well,", **why)
    _synthesised(timeline, opener, 48_000, reply_id="o")
    assert timeline.doubtful_from() == 3_840
    heard: dict[str, Any] = {"played_samples": 9_600, "sample_rate_hz": 48_000, "retracted": True}
    at = {"started_ns": START_NS + 120_000_000, "started_samples": 960, "ended_ns": START_NS + 300_000_000}
    _apply(timeline, e.OpenerPlayed, 400, reply_id="o", text="Well,", **heard, **at)
    _synthesised(timeline, answer, 48_000)
    _apply(timeline, e.PlaybackStarted, 500, reply_id="r")
    expected = np.zeros(96_000, np.int16)
    expected[4_800:14_400] = (opener[:9_600] * OPENER_LOUDNESS).astype(np.int16)
    expected[24_000:48_000] = answer
    np.testing.assert_array_equal(timeline.piece(0, 96_000)[:, 1], expected)


def test_an_interruption_during_a_pause_counts_more_exactly_than_the_pause() -> None:
    timeline = Timeline(OPENED)
    _synthesised(timeline, np.full(48_000, 1000, np.int16), 48_000)
    _apply(timeline, e.PlaybackStarted, 0, reply_id="r")
    _apply(timeline, e.PlaybackPaused, 500, reply_id="r", played_samples=9_600)
    _apply(timeline, e.PlaybackInterrupted, 900, reply_id="r", played_samples=10_000, heard_text="")
    assert np.count_nonzero(timeline.piece(0, 96_000)[:, 1]) == 10_000


def test_people_who_speak_at_once_are_mixed_and_do_not_wrap_around() -> None:
    timeline = Timeline(OPENED)
    loud = np.full(320, 30_000, np.int16).tobytes()
    for track in ("a", "b"):
        for first in range(0, 16_000, 320):
            timeline.add_in(InFrame(track, first, START_NS + (first + 320) * 62_500, loud))
    timeline.place(0, all_of_it=True)
    assert timeline.piece(9600, 19_200)[:, 0].min() > 30_000


def test_what_was_never_heard_is_not_recorded_and_not_kept() -> None:
    timeline = Timeline(OPENED)
    for number in range(50):
        _synthesised(timeline, _noise(4800), 24_000, f"r{number}")
    _synthesised(timeline, _noise(4800), 24_000, "discarded")
    _apply(timeline, e.ReplyDiscarded, 10, reply_id="discarded")
    assert not timeline.piece(0, 96_000).any()
    assert timeline.next_sound(0) is None
    assert len(timeline._sounds) <= MOST_UNHEARD


def test_frames_that_come_after_their_reply_was_discarded_are_not_kept() -> None:
    timeline = Timeline(OPENED)
    _apply(timeline, e.ReplyDiscarded, 10, reply_id="discarded")
    _synthesised(timeline, _noise(4800), 24_000, "discarded")
    assert timeline._sounds == {}


def test_sound_that_was_written_is_forgotten() -> None:
    timeline, _, _ = _call(24_000)
    _apply(timeline, e.PlaybackFinished, 1600, reply_id="r", played_samples=24_000, heard_text="")
    assert timeline.next_sound(0) == 4800
    timeline.forget(960 * 200)
    assert timeline.next_sound(0) is None
    assert timeline._sounds == {}


def test_while_nobody_may_be_there_what_was_heard_is_doubtful() -> None:
    timeline = Timeline(OPENED)
    _apply(timeline, e.TrackPublished, 0, track_id="t", participant_id="u")
    _synthesised(timeline, _noise(48_000), 48_000)
    _apply(timeline, e.PlaybackStarted, 1000, reply_id="r")
    assert timeline.doubtful_from() == 96_000, "the end of the sound that is here"
    _apply(timeline, e.TrackUnpublished, 1400, track_id="t", participant_id="u")
    assert timeline.doubtful_from() == 67_200
    _apply(timeline, e.PlaybackInterrupted, 21_000, reply_id="r", played_samples=100, heard_text="")
    assert timeline.doubtful_from() is None


def test_a_new_owner_needs_the_frames_of_the_reply_that_is_being_heard() -> None:
    timeline = Timeline(OPENED)
    _apply(timeline, e.ReplyStarted, 2000, reply_id="old", text="?")
    _apply(timeline, e.PlaybackStarted, 2500, reply_id="old")
    _apply(timeline, e.PlaybackFinished, 4000, reply_id="old", played_samples=1, heard_text="")
    _apply(timeline, e.ReplyStarted, 5000, reply_id="r", text="?")
    _apply(timeline, e.PlaybackStarted, 6000, reply_id="r")
    assert timeline.needed_since_ns(48_000 * 20) == START_NS + 5_000_000_000
