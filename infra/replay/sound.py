"""The sound of a recorded session as a WAV file: people on the left, the agent on the right."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from nats.aio.client import Client

from contracts.topology import RECORDINGS
from infra.log.stream_reader import has_stream
from infra.session.opus import RATE_HZ
from infra.session.recordings import Chunk, NoRecording, chunks_of, decoded, duration_ms, wav_header


@dataclass(frozen=True, slots=True)
class RecordedSound:
    """A recording from `from_ms` on; it is decoded as it is read."""

    chunks: tuple[Chunk, ...]
    from_ms: float = 0

    @property
    def is_complete(self) -> bool:
        """Whether its recorder had finished it."""
        return self.chunks[-1].last

    @property
    def seconds(self) -> float:
        """Its length."""
        return max(0.0, duration_ms(self.chunks[-1].end_packet) - self.from_ms) / 1000

    async def wav(self) -> AsyncIterator[bytes]:
        """Yield the bytes of the WAV file: 48 kHz, 16 bits, stereo."""
        from_sample = round(self.from_ms * RATE_HZ / 1000)
        yield wav_header(self.chunks[-1].end_packet, from_sample)
        async for piece in decoded(self.chunks, from_sample):
            yield piece.astype("<i2").tobytes()


async def recorded_sound(nc: Client, session_id: str, from_ms: float = 0) -> RecordedSound:
    """Return a session's recording from a moment on (ms since the session opened), as far as it is stored.

    Raises NoRecording with what to tell, BrokenChunk, nats errors.
    """
    none = (
        f"session {session_id} has no recording: nothing was said or heard in it, recording is off, or it was removed"
    )
    if not await has_stream(nc, RECORDINGS):
        raise NoRecording(none)
    try:
        return RecordedSound(tuple([chunk async for chunk in chunks_of(nc, session_id)]), from_ms)
    except NoRecording as error:
        raise NoRecording(none) from error
