"""Recordings of sessions: chunks in a stream of their own, stored, read back as one sound, or dropped.

A recording is stereo Opus at 48 kHz, people on the left and the agent on the right; its sample 0 is the moment of
SessionOpened. What no chunk holds is silence.
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgpack
import numpy as np
import numpy.typing as npt
from nats.aio.client import Client
from nats.js.errors import APIError, NotFoundError

from contracts.ids import derive_id
from contracts.topology import RECORDINGS, recording_subject
from infra.log.event_log import StaleWriter
from infra.log.jetstream_errors import WRONG_LAST_SEQUENCE
from infra.log.stream_reader import stored_messages
from infra.session.opus import (
    LOOK_AHEAD_SAMPLES,
    PACKET_SAMPLES,
    RATE_HZ,
    SILENT_PACKET,
    WARM_UP_PACKETS,
    Decoder,
    webm,
)

Samples = npt.NDArray[np.int16]

_TIMEOUT_S = 5.0
_SILENCE_AT_ONCE = 500
_MSG_ID = "Nats-Msg-Id"


class NoRecording(LookupError):
    """The session has no recording, or it was removed."""


class BrokenChunk(ValueError):
    """The bytes are not a chunk of a recording."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some seconds of a recording: Opus packets from the `first_packet`-th on, 20 ms each.

    `track_samples` has for each microphone track the place of its sample 0, counted at 16 kHz from the recording's
    start. `stored_bytes` is the size of this chunk and those before it. The `last` one completes the recording.
    """

    index: int
    start_ns: int
    first_packet: int
    packets: tuple[bytes, ...]
    track_samples: Mapping[str, int] = field(default_factory=dict)
    stored_bytes: int = 0
    last: bool = False

    @property
    def end_packet(self) -> int:
        """The number of the packet after it."""
        return self.first_packet + len(self.packets)

    def pack(self) -> bytes:
        """Return its bytes."""
        place = (self.index, self.start_ns, self.first_packet, self.stored_bytes, self.last)
        return bytes(msgpack.packb((1, *place, dict(self.track_samples), self.packets)))


def unpack_chunk(data: bytes) -> Chunk:
    """Return the chunk in `data`. Raises BrokenChunk."""
    try:
        version, index, start_ns, first_packet, stored_bytes, last, tracks, packets = msgpack.unpackb(data)
        if version != 1:
            raise BrokenChunk(f"this release cannot read chunks of version {version}")
        return Chunk(index, start_ns, first_packet, tuple(packets), tracks, stored_bytes, last)
    except BrokenChunk:
        raise
    except Exception as error:  # msgpack raises many kinds of exceptions, without a documented base class
        raise BrokenChunk(f"no chunk of a recording: {error}") from error


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk and its sequence in the stream: the next one is only accepted directly after it."""

    sequence: int
    chunk: Chunk


async def store(nc: Client, session_id: str, chunk: Chunk, after: int) -> int:
    """Append a chunk after the one at sequence `after` (0: none) and return its sequence, once it is on disk.

    A chunk that is there already counts as stored. Raises StaleWriter if another recorder has taken over, nats errors.
    """
    subject = recording_subject(session_id)
    message_id = derive_id(f"{session_id}:{chunk.start_ns}", "Chunk", chunk.index)
    headers = {
        _MSG_ID: message_id,
        "Nats-Expected-Last-Subject-Sequence": str(after),
    }
    try:
        js = nc.jetstream()
        ack = await js.publish(subject, chunk.pack(), timeout=_TIMEOUT_S, stream=RECORDINGS, headers=headers)
        return ack.seq
    except APIError as error:
        if error.err_code != WRONG_LAST_SEQUENCE:
            raise
    # NATS checks the sequence before it checks for duplicates: if the last chunk is this one, its answer was lost.
    try:
        message = await nc.jetstream().get_last_msg(RECORDINGS, subject, direct=True)
    except NotFoundError:
        message = None
    if message is not None and message.seq and (message.headers or {}).get(_MSG_ID) == message_id:
        return message.seq
    raise StaleWriter(f"another recorder has taken over the recording of {session_id}")


async def last_chunk(nc: Client, session_id: str) -> StoredChunk | None:
    """Return the newest chunk, if there is any. Raises BrokenChunk, nats errors."""
    try:
        message = await nc.jetstream().get_last_msg(RECORDINGS, recording_subject(session_id), direct=True)
    except NotFoundError:
        return None
    return StoredChunk(message.seq or 0, unpack_chunk(message.data or b""))


async def chunks_of(nc: Client, session_id: str) -> AsyncIterator[Chunk]:
    """Yield the stored chunks of a recording in order. Raises NoRecording, BrokenChunk, nats errors."""
    is_recorded = False
    async for message in stored_messages(nc, RECORDINGS, recording_subject(session_id)):
        is_recorded = True
        yield unpack_chunk(message.data)
    if not is_recorded:
        raise NoRecording(f"session {session_id} has no recording")


def gapless(chunks: Iterable[Chunk], first_packet: int = 0) -> Iterator[tuple[bytes, ...]]:
    """Yield all packets from `first_packet` on, some seconds at a time, with silence where no chunk is."""
    at = first_packet
    for chunk in chunks:
        while at < chunk.first_packet:
            silent = min(_SILENCE_AT_ONCE, chunk.first_packet - at)
            yield (SILENT_PACKET,) * silent
            at += silent
        yield chunk.packets[max(0, at - chunk.first_packet) :]
        at = max(at, chunk.end_packet)


async def webm_of(nc: Client, session_id: str) -> bytes:
    """Return the recording as a WebM file, as far as it is stored. Raises NoRecording, nats errors."""
    chunks = [chunk async for chunk in chunks_of(nc, session_id)]
    return await asyncio.to_thread(lambda: webm(packet for packets in gapless(chunks) for packet in packets))


async def sound_of(nc: Client, session_id: str) -> AsyncIterator[Samples]:
    """Yield the decoded recording piece by piece, int16 `[samples, 2]` at 48 kHz. Raises NoRecording, nats errors."""
    async for piece in decoded([chunk async for chunk in chunks_of(nc, session_id)]):
        yield piece


async def decoded(chunks: Sequence[Chunk], from_sample: int = 0) -> AsyncIterator[Samples]:
    """Yield the sound of a recording's chunks from a sample on, piece by piece: int16 `[samples, 2]` at 48 kHz."""
    # A decoder begins with sample `960 k` of packet `k`, and needs some packets until what it decodes is right.
    first_packet = max(0, from_sample // PACKET_SAMPLES - WARM_UP_PACKETS)
    left_out = from_sample - first_packet * PACKET_SAMPLES
    decoder = Decoder()
    for packets in gapless(chunks, first_packet):
        samples = await asyncio.to_thread(decoder.decode, packets)
        yield samples[left_out:]
        left_out = max(0, left_out - len(samples))


async def pcm_of(nc: Client, session_id: str) -> tuple[Samples, int]:
    """Return the decoded recording, int16 `[samples, 2]`, and its rate in Hz. Raises NoRecording, nats errors.

    An hour is 690 MB: `sound_of` yields it in pieces.
    """
    return np.concatenate([piece async for piece in sound_of(nc, session_id)]), RATE_HZ


async def drop(nc: Client, session_id: str) -> int:
    """Remove a session's recording permanently; return how many chunks it had. Raises nats errors."""
    js = nc.jetstream()
    subject = recording_subject(session_id)
    info = await js.stream_info(RECORDINGS, subjects_filter=subject)
    chunks = sum((info.state.subjects or {}).values())
    await js.purge_stream(RECORDINGS, subject=subject)
    return chunks


def duration_ms(end_packet: int) -> float:
    """Return the length of a recording that ends before this packet."""
    return max(0, end_packet * PACKET_SAMPLES - LOOK_AHEAD_SAMPLES) * 1000 / RATE_HZ


def wav_header(end_packet: int, from_sample: int = 0) -> bytes:
    """Return the header of a WAV file of the decoded recording from a sample on that ends before this packet."""
    size = 4 * max(0, end_packet * PACKET_SAMPLES - LOOK_AHEAD_SAMPLES - from_sample)
    form = struct.pack("<HHIIHH", 1, 2, RATE_HZ, 4 * RATE_HZ, 4, 16)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + size)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + struct.pack("<4sI", b"data", size)
    )
