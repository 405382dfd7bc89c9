"""A session's frames from the audio stream, in batches: as they came, since any time that the stream still has."""

from nats.aio.client import Client

from contracts.audio import BadAudio, unpack_in
from contracts.topology import AUDIO, audio_in_subject, audio_subjects
from infra.log.stream_reader import Batch, StoredMessage, read_batch, start_of

BATCH = 500
"""Some seconds of a call: messages take three times the room of the sound that is in them."""


class CapturedSound:
    """Reads all sound of a session from a time on. Reading in batches costs a fifth of receiving each frame live.

    `since_ns` is of the session's door, whose clock stamps people's frames; that of NATS may be hours apart, so the
    place in the stream is found by the frames. When NATS has lost the stream, it reads the next one from its beginning.
    """

    def __init__(self, nc: Client, session_id: str, since_ns: int) -> None:
        self._nc = nc
        self._subject = audio_subjects(session_id)
        self._people = audio_in_subject(session_id, "*")
        self._since_ns = since_ns
        self._last: StoredMessage | None = None
        self.has_more = True
        """Whether the stream had more than the last reading returned."""

    async def read(self) -> list[tuple[str, bytes]]:
        """Return `(subject, frame)` of the next ones, BATCH at most. Raises nats errors, TimeoutError."""
        found = await self._next()
        self.has_more = found.pending > 0
        if found.messages:
            self._last = found.messages[-1]
        return [(message.subject, message.data) for message in found.messages]

    async def _next(self) -> Batch:
        last = self._last
        start = last.sequence if last else await start_of(self._nc, AUDIO, self._people, self._is_before)
        found = await read_batch(self._nc, AUDIO, self._subject, start, BATCH)
        if last is None:
            return found
        if found.messages and (found.messages[0].sequence, found.messages[0].data) == (last.sequence, last.data):
            return Batch(found.messages[1:], found.pending)
        # A memory stream that was lost counts from 1 again; if it only aged, what is left has not been read.
        return await read_batch(self._nc, AUDIO, self._subject, 1, BATCH)

    def _is_before(self, message: StoredMessage) -> bool:
        try:
            return unpack_in(message.data).received_ns < self._since_ns
        except BadAudio:
            return True
