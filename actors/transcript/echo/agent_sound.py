"""The agent's sound in a session as it is published, to be compared with what the microphone hears."""

import logging
import time
from types import TracebackType

from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from actors.transcript.echo.playback import HeardPlayback
from actors.transcript.echo.replies import RepliesSound
from contracts.audio import BadAudio, OutFrame, unpack_out
from contracts.topology import AUDIO, audio_out_subject
from infra.log.connection import connection, round_trip
from infra.log.stream_reader import first_message, last_message, stored_messages

log = logging.getLogger(__name__)


KEPT_S = 60
"""The least of the agent's past sound that a new owner reads: what may still be playing."""

MOST_KEPT_S = 360
"""The most that is read to get the newest reply from its beginning: without that it cannot be placed."""

FIRST_STEP = 2000
"""How many sequences it first looks back; each further step is twice as long."""


class AgentSound:
    """`agent = AgentSound(broker, session)`, `agent.playback`; `async with agent:` while its sound is wanted.

    `playback` takes facts from the beginning. The end of what was published before comes first: found by sequences and
    by how long it sounds, for the clocks of NATS and of this machine may be hours apart.
    """

    def __init__(self, broker: NatsBroker, session_id: str) -> None:
        self._broker = broker
        self._subject = audio_out_subject(session_id)
        self._sound = RepliesSound()
        self._subscription: Subscription | None = None
        self._early: list[OutFrame] | None = []
        """What came while the past was being read; None afterwards."""
        self.playback = HeardPlayback(self._sound)

    async def __aenter__(self) -> "AgentSound":
        """Subscribe, then read what was kept. Raises nats errors."""
        nc = connection(self._broker)
        self._subscription = await nc.subscribe(self._subject, cb=self._receive)
        await round_trip(nc)
        for frame in await self._kept():
            self._sound.add(frame)
        early, self._early = self._early or [], None
        for frame in early:
            self.playback.add(frame, time.monotonic_ns())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Unsubscribe."""
        if self._subscription is not None and not connection(self._broker).is_closed:
            await self._subscription.unsubscribe()

    async def _receive(self, message: Msg) -> None:
        frame = self._unpacked(message.data)
        if frame is None:
            return
        if self._early is not None:
            self._early.append(frame)
        else:
            self.playback.add(frame, time.monotonic_ns())

    async def _kept(self) -> list[OutFrame]:
        """Return the frames that the audio stream has kept, from as far back as they are needed."""
        nc = connection(self._broker)
        newest = await last_message(nc, AUDIO, self._subject)
        oldest = await first_message(nc, AUDIO, self._subject)
        if newest is None or oldest is None:
            return []
        end, step = newest.sequence + 1, FIRST_STEP
        frames: list[OutFrame] = []
        while end > oldest.sequence and not _is_enough(frames):
            start = max(oldest.sequence, end - step)
            frames = await self._between(start, end) + frames
            end, step = start, 2 * step
        return frames

    async def _between(self, start: int, end: int) -> list[OutFrame]:
        messages = stored_messages(connection(self._broker), AUDIO, self._subject, start, before=end)
        frames = [self._unpacked(message.data) async for message in messages]
        return [frame for frame in frames if frame is not None]

    def _unpacked(self, data: bytes) -> OutFrame | None:
        try:
            return unpack_out(data)
        except BadAudio as error:
            log.warning("%s: sound that is none: %s", self._subject, error)
            return None


def _is_enough(frames: list[OutFrame]) -> bool:
    sound_s = sum(len(frame.pcm) / 2 / frame.sample_rate_hz for frame in frames)
    newest = frames[-1].reply_id if frames else ""
    begins = any((frame.reply_id, frame.index, frame.first_sample) == (newest, 0, 0) for frame in frames)
    return sound_s >= (KEPT_S if begins else MOST_KEPT_S)
