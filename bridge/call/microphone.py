"""A client's microphone as a track: any rate in, short frames at 16 kHz with exact positions out."""

from collections import deque

import numpy as np
import soxr

from contracts.audio import FRAME_MS, IN_SAMPLE_RATE_HZ, InFrame


class MicrophoneTrack:
    """Cuts one track into frames of `frame_ms`; `received_ns` is when the client's chunk with its last sample came.

    Resampling delays the sound by some 15 ms (48 kHz) but not its times: they are counted in the client's samples.
    """

    def __init__(self, track_id: str, sample_rate_hz: int, frame_ms: int = FRAME_MS) -> None:
        self.track_id = track_id
        self._frame_samples = IN_SAMPLE_RATE_HZ * frame_ms // 1000
        self._rate_hz = sample_rate_hz
        self._resampler: soxr.ResampleStream | None = None
        if sample_rate_hz != IN_SAMPLE_RATE_HZ:
            self._resampler = soxr.ResampleStream(sample_rate_hz, IN_SAMPLE_RATE_HZ, 1, dtype="int16", quality="MQ")
        self._rest = bytearray()
        self._taken = 0
        self._received: deque[tuple[int, int]] = deque()
        self.samples = 0
        """Length of the track so far: samples at 16 kHz in whole frames."""

    def push(self, pcm: bytes, received_ns: int) -> list[InFrame]:
        """Return the frames that `pcm` (int16 little endian, mono, at the client's rate) completes."""
        self._taken += len(pcm) // 2
        self._received.append((self._taken, received_ns))
        if self._resampler is not None:
            pcm = self._resampler.resample_chunk(np.frombuffer(pcm, dtype="<i2")).astype("<i2").tobytes()
        self._rest += pcm
        frames = []
        while len(self._rest) >= self._frame_samples * 2:
            data = bytes(self._rest[: self._frame_samples * 2])
            del self._rest[: self._frame_samples * 2]
            first = self.samples
            self.samples += self._frame_samples
            frames.append(InFrame(self.track_id, first, self._received_at(self.samples), data))
        return frames

    def _received_at(self, end_sample: int) -> int:
        wanted = end_sample * self._rate_hz / IN_SAMPLE_RATE_HZ
        while len(self._received) > 1 and self._received[0][0] < wanted:
            self._received.popleft()
        return self._received[0][1]
