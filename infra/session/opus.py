"""Opus packets on a fixed grid: sound into packets, packets into sound or a WebM file. Pure: no clock, no network.

Packet `k` of a recording, decoded, is the 20 ms of samples from `960 k - 312` on: an encoder looks 312 samples ahead,
and every player skips the 312 samples of packet 0 before sample 0.
"""

import io
from collections.abc import Iterable
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

RATE_HZ = 48_000
PACKET_SAMPLES = 960
LOOK_AHEAD_SAMPLES = 312
BITS_PER_S = 64_000

SILENT_PACKET = b"\xfc\xff\xfe"
"""20 ms of digital silence in stereo, as encoded."""

WARM_UP_PACKETS = 4
"""Packets to encode before the first that counts, so that pieces join without a click."""

_HEAD = b"OpusHead\x01\x02" + LOOK_AHEAD_SAMPLES.to_bytes(2, "little") + RATE_HZ.to_bytes(4, "little") + b"\0\0\0"
_OPTIONS = {"application": "audio", "compression_level": "2", "frame_duration": "20"}
_FILE_OPTIONS = {"fflags": "+bitexact", "cluster_time_limit": "1000"}  # a cue per cluster: ms between them


def packets_up_to(sample: int) -> int:
    """Return how many packets from the recording's start contain its sound before `sample`."""
    return -(-(sample + LOOK_AHEAD_SAMPLES) // PACKET_SAMPLES)


def encode(samples: Samples) -> list[bytes]:
    """Return the packets of stereo sound, `[n, 2]`, without those of the warm-up.

    The sound begins `WARM_UP_PACKETS` before the first packet wanted, and its length is whole packets.
    """
    if len(samples) % PACKET_SAMPLES:
        raise ValueError(f"{len(samples)} samples are not a whole number of packets")
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.bit_rate = RATE_HZ, BITS_PER_S
    encoder.layout, encoder.format = "stereo", "s16"
    encoder.options = _OPTIONS
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples).reshape(1, -1), "s16", "stereo")
    frame.sample_rate, frame.pts = RATE_HZ, 0
    packets = [bytes(packet) for packet in encoder.encode(frame)]
    return packets[WARM_UP_PACKETS : len(samples) // PACKET_SAMPLES]


class Decoder:
    """Decodes a recording's packets, from the first on and without a gap, into its samples from 0 on."""

    def __init__(self) -> None:
        decoder = av.CodecContext.create("libopus", "r")
        assert isinstance(decoder, av.AudioCodecContext)
        decoder.extradata = _HEAD
        decoder.sample_rate = RATE_HZ
        self._decoder = decoder

    def decode(self, packets: Iterable[bytes]) -> Samples:
        """Return the next samples, `[n, 2]`."""
        frames = [frame for packet in packets for frame in self._decoder.decode(av.Packet(packet))]
        if not frames:
            return np.zeros((0, 2), np.int16)
        return np.concatenate([frame.to_ndarray().reshape(-1, 2) for frame in frames])


def webm(packets: Iterable[bytes]) -> bytes:
    """Return a WebM file of the packets, with duration and cues; the same packets give the same bytes."""
    file = io.BytesIO()
    container = av.open(file, "w", format="webm", options=_FILE_OPTIONS)
    stream = container.add_stream("libopus", rate=RATE_HZ)
    stream.layout = "stereo"
    stream.codec_context.options = _OPTIONS
    container.start_encoding()
    for index, data in enumerate(packets):
        packet = av.Packet(data)
        packet.stream = stream
        packet.time_base = Fraction(1, RATE_HZ)
        packet.pts = packet.dts = PACKET_SAMPLES * index - LOOK_AHEAD_SAMPLES
        packet.duration = PACKET_SAMPLES
        packet.is_keyframe = True
        container.mux_one(packet)
    container.close()
    return file.getvalue()
