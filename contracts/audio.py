"""Sound on the bus: frames of 16-bit mono PCM with their place in the track or clause.

Frames are not facts. They travel on core NATS (`audio.<session>.in.<participant>`, `audio.<session>.out.agent`)
and are captured for a while by the memory stream AUDIO.
"""

from dataclasses import dataclass

import msgpack

IN_SAMPLE_RATE_HZ = 16_000
"""Rate of every inbound track, whatever the door received: the rate of VAD and STT models."""

OPENER_LOUDNESS = 0.5
"""How loud an opener is played: 6 dB quieter than a reply."""

FRAME_MS = 20
"""Length of a frame at a door, and the shortest on the bus."""

ROOM_OUT_FRAME_MS = 40
"""Longest frame towards a LiveKit room: what costs is mostly the frame. Unlike one inwards, it delays nothing."""

MAX_OUT_FRAME_MS = 400
"""Longest frame of the agent's sound: it is created faster than it is played, so longer frames are sent together.

No sound waits for more of it: what an engine gives at once is cut into as few frames as this allows.
"""

MAX_FRAME_BYTES = 64_000
"""Longest payload that is accepted: 2 s at 16 kHz."""


class BadAudio(ValueError):
    """The bytes are not a valid frame."""


@dataclass(frozen=True, slots=True)
class InFrame:
    """Microphone sound: `pcm` (int16 little endian, mono, 16 kHz) beginning at `first_sample` of `track_id`."""

    track_id: str
    first_sample: int
    received_ns: int
    pcm: bytes

    def pack(self) -> bytes:
        """Return the frame's bytes."""
        return bytes(msgpack.packb((self.track_id, self.first_sample, self.received_ns, self.pcm)))


@dataclass(frozen=True, slots=True)
class OutFrame:
    """Agent sound: part of clause `index` of `reply_id`, beginning at `first_sample` of that clause.

    `last` marks the clause's end; a last frame may be empty. `word_end_samples` comes with the last one, and before
    that once the engine has returned it: the clause may be cut off while its sound is created.
    """

    reply_id: str
    index: int
    first_sample: int
    sample_rate_hz: int
    pcm: bytes
    last: bool = False
    word_end_samples: tuple[int, ...] = ()

    def pack(self) -> bytes:
        """Return the frame's bytes."""
        fields = (self.reply_id, self.index, self.first_sample, self.sample_rate_hz, self.pcm, self.last)
        return bytes(msgpack.packb((*fields, self.word_end_samples)))


def _fields(data: bytes, kinds: tuple[type, ...]) -> list[object]:
    try:
        fields = msgpack.unpackb(data, max_bin_len=MAX_FRAME_BYTES, max_str_len=256, max_array_len=4096)
    except Exception as error:  # msgpack raises many exceptions without a documented base class
        raise BadAudio(f"not MessagePack: {error}") from error
    if not isinstance(fields, list) or len(fields) != len(kinds):
        raise BadAudio(f"a frame has {len(kinds)} fields")
    if any(type(value) is not kind for value, kind in zip(fields, kinds, strict=True)):
        raise BadAudio("a field of the frame has the wrong type")
    return fields


def unpack_in(data: bytes) -> InFrame:
    """Return the inbound frame in `data`. Raises BadAudio."""
    frame = InFrame(*_fields(data, (str, int, int, bytes)))  # type: ignore[arg-type]
    if frame.first_sample < 0 or len(frame.pcm) % 2:
        raise BadAudio("negative position or half a sample")
    return frame


def unpack_out(data: bytes) -> OutFrame:
    """Return the outbound frame in `data`. Raises BadAudio."""
    *fields, words = _fields(data, (str, int, int, int, bytes, bool, list))
    assert isinstance(words, list)
    if any(type(end) is not int or end < 0 for end in words):
        raise BadAudio("a word ends at no sample")
    frame = OutFrame(*fields, word_end_samples=tuple(words))  # type: ignore[arg-type,misc]
    if frame.first_sample < 0 or frame.index < 0 or frame.sample_rate_hz <= 0 or len(frame.pcm) % 2:
        raise BadAudio("negative position, no rate, or half a sample")
    return frame
