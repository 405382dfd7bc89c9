"""A client's sound as 20 ms frames at 16 kHz."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.call.microphones import MicrophoneTrack


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
