"""A session's frames from the audio stream, in batches: as they came, since any time that the stream still has."""

from nats.aio.client import Client

from contracts.audio import BadAudio, unpack_in
from contracts.topology import AUDIO, audio_in_subject, audio_subjects
from infra.log.stream_reader import StoredMessage, read_batch, start_of

BATCH = 1000


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
        self._frames: list[tuple[str, bytes]] = []
        """Read, and not yet returned: a reading may fail half-way."""

    async def read(self) -> list[tuple[str, bytes]]:
        """Return `(subject, frame)` of what came since the last reading. Raises nats errors, TimeoutError."""
        more = True
        while more:
            messages, more = await self._batch()
            self._frames += [(message.subject, message.data) for message in messages]
            if messages:
                self._last = messages[-1]
        frames, self._frames = self._frames, []
        return frames

    async def _batch(self) -> tuple[list[StoredMessage], bool]:
        """Return some frames, and whether there are more."""
        last = self._last
        start = last.sequence if last else await start_of(self._nc, AUDIO, self._people, self._is_before)
        found = await read_batch(self._nc, AUDIO, self._subject, start, BATCH)
        if last is None:
            return found.messages, found.pending > 0
        if found.messages and (found.messages[0].sequence, found.messages[0].data) == (last.sequence, last.data):
            return found.messages[1:], found.pending > 0
        # A memory stream that was lost counts from 1 again; if it only aged, what is left has not been read.
        found = await read_batch(self._nc, AUDIO, self._subject, 1, BATCH)
        return found.messages, found.pending > 0

    def _is_before(self, message: StoredMessage) -> bool:
        try:
            return unpack_in(message.data).received_ns < self._since_ns
        except BadAudio:
            return True
