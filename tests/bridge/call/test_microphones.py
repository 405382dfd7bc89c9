"""A client's sound as 20 ms frames at 16 kHz."""

from collections.abc import Sequence

import numpy as np
import pytest
from faststream.nats import NatsBroker
from hypothesis import given, settings
from hypothesis import strategies as st
from nats.aio.msg import Msg

from bridge.call.microphones import Microphones, MicrophoneTrack
from contracts import events as e
from contracts.audio import InFrame, unpack_in
from infra.log.connection import connection
from infra.session.quiet import MOST_JOINED, QUIET_AFTER_TURN_FRAMES, QUIET_PEAK, SURELY_QUIET_FRAMES
from tests.waiting import until


@settings(max_examples=30)
@given(st.lists(st.integers(0, 3_000), max_size=20))
def test_at_16_khz_every_sample_comes_out_once_in_order(sizes: list[int]) -> None:
    microphone = MicrophoneTrack("t", 16_000)
    total = sum(sizes)
    sound = np.arange(total).astype("<i2").tobytes()
    frames, at = [], 0
    for n, size in enumerate(sizes):
        frames += microphone.push(sound[at : at + size * 2], n)
        at += size * 2
    assert b"".join(frame.pcm for frame in frames) == sound[: total // 320 * 640]
    assert [frame.first_sample for frame in frames] == [320 * n for n in range(len(frames))]


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 24_000, 44_100, 48_000])
def test_other_rates_keep_pitch_length_and_times(rate_hz: int) -> None:
    microphone = MicrophoneTrack("t", rate_hz)
    sound = (8_000 * np.sin(2 * np.pi * 440 * np.arange(rate_hz * 2) / rate_hz)).astype("<i2").tobytes()
    chunk = rate_hz // 50 * 2
    frames = [
        frame
        for n, at in enumerate(range(0, len(sound), chunk))
        for frame in microphone.push(sound[at : at + chunk], n * 20)
    ]
    heard = np.frombuffer(b"".join(frame.pcm for frame in frames), "<i2")
    assert 16_000 * 2 - 1_600 <= len(heard) <= 16_000 * 2
    assert np.argmax(np.abs(np.fft.rfft(heard[:16_000]))) == pytest.approx(440, abs=2)
    # Received with the client's chunk that held the frame's last sample, not when the resampler let go of it.
    assert all(abs(frame.received_ns - frame.first_sample / 16) <= 21 for frame in frames)


def frames_of(sound: Sequence[tuple[int, int]]) -> list[InFrame]:
    """Return the frames of sound that comes 20 ms at a time; each part is so many of these at a level."""
    microphone = MicrophoneTrack("t", 16_000)
    levels = [level for count, level in sound for _ in range(count)]
    return [
        frame
        for n, level in enumerate(levels)
        for frame in microphone.push(np.full(320, level, "<i2").tobytes(), (n + 1) * 20)
    ]


def test_long_quiet_comes_in_longer_frames() -> None:
    surely = SURELY_QUIET_FRAMES
    lengths = [len(frame.pcm) // 640 for frame in frames_of([(10, 500), (surely + 50, QUIET_PEAK)])]
    assert lengths == [1] * (10 + surely) + [MOST_JOINED] * 10


@pytest.mark.parametrize("held", range(MOST_JOINED))
def test_sound_after_long_quiet_goes_at_once_with_the_quiet_before_it(held: int) -> None:
    quiet = SURELY_QUIET_FRAMES + 5 * MOST_JOINED + held
    *_, last, sound, after = frames_of([(quiet, -QUIET_PEAK), (1, QUIET_PEAK + 1), (1, 0)])
    assert len(sound.pcm) == 640 * (held + 1)
    assert sound.received_ns == (quiet + 1) * 20, "when the sound came"
    assert (last.first_sample + 320 * MOST_JOINED, sound.first_sample + 320 * (held + 1)) == (
        sound.first_sample,
        after.first_sample,
    )
    assert len(after.pcm) == 640, "a turn may end"


def test_what_a_client_has_joined_is_one_frame_too() -> None:
    microphone, quiet = MicrophoneTrack("t", 16_000), bytes(640)
    for n in range(SURELY_QUIET_FRAMES + 3):
        microphone.push(quiet, n)
    joined = [frame for n in range(4) for frame in microphone.push(quiet * MOST_JOINED, 1_000 + n)]
    assert [(len(frame.pcm) // 640, frame.received_ns) for frame in joined[2:]] == [
        (MOST_JOINED, 1_001 + n) for n in range(3)
    ]


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 300), st.sampled_from([0, QUIET_PEAK, 1000])), max_size=6))
def test_all_but_the_last_frames_of_quiet_come_out_once_in_order(sound: list[tuple[int, int]]) -> None:
    frames = frames_of(sound)
    said = np.repeat([level for _, level in sound], [320 * count for count, _ in sound]).astype("<i2")
    heard = np.frombuffer(b"".join(frame.pcm for frame in frames), "<i2")
    assert np.array_equal(heard, said[: len(heard)])
    assert len(said) - len(heard) <= 320 * (MOST_JOINED - 1)
    ends = [frame.first_sample + len(frame.pcm) // 2 for frame in frames]
    assert [frame.first_sample for frame in frames] == [0, *ends][: len(frames)]


def _spoke(participant_id: str) -> e.SpeechStarted:
    about = {"event_id": "e", "session_id": "s", "time_ns": 1, "turn_id": "turn"}
    return e.SpeechStarted(utterance_id="u", track_id="t", participant_id=participant_id, start_sample=0, **about)


def _turn_ended(participant_id: str, source: str = "speech") -> e.TurnEnded:
    about = {"event_id": "e", "session_id": "s", "time_ns": 1, "turn_id": "turn"}
    return e.TurnEnded(participant_id=participant_id, text="Hello.", source=source, **about)


@pytest.mark.parametrize(
    ("facts", "joined"),
    [
        ([], False),
        ([_turn_ended("ann")], True),
        ([_spoke("ann"), _turn_ended("ann"), _spoke("ben")], True),
        ([_turn_ended("ann"), _spoke("ann")], False),
        ([_turn_ended("ben")], False),
        ([_spoke("ann"), _turn_ended("ann", "text")], False),
    ],
)
async def test_once_the_speakers_turn_is_over_frames_are_longer_sooner(
    facts: list[e.Event], joined: bool, broker: NatsBroker
) -> None:
    nc, lengths = connection(broker), []

    async def take(message: Msg) -> None:
        lengths.append(len(unpack_in(message.data).pcm) // 640)

    await nc.subscribe("audio.s-1.in.ann", cb=take)
    microphones = Microphones(nc, "s-1")
    microphones.open("t", "ann", 16_000)
    for event in facts:
        microphones.apply(event)
    levels = [500] * 3 + [0] * (QUIET_AFTER_TURN_FRAMES + 4 * MOST_JOINED)
    for level in levels:
        await microphones.sound("t", np.full(320, level, "<i2").tobytes(), 1)
    await until(lambda: sum(lengths) == len(levels), 10)
    assert lengths == [1] * (3 + QUIET_AFTER_TURN_FRAMES) + ([MOST_JOINED] * 4 if joined else [1] * 4 * MOST_JOINED)
