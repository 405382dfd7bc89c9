"""What the agent says in a session, as it goes out to be played: for comparison with what comes in."""

import logging
from types import TracebackType

from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from actors.transcript.echo.playback import HeardPlayback
from actors.transcript.echo.replies import RepliesSound
from actors.transcript.live_sound import kept_sound
from contracts.audio import BadAudio, OutFrame, unpack_out
from contracts.topology import audio_out_subject
from infra.connection import connection, round_trip
from infra.facts import now_ns

log = logging.getLogger(__name__)


class AgentSound:
    """`async with AgentSound(broker, session, since_ns) as agent: agent.playback`.

    The sound that was published since `since_ns` comes first.
    """

    def __init__(self, broker: NatsBroker, session_id: str, since_ns: int) -> None:
        self._broker = broker
        self._subject = audio_out_subject(session_id)
        self._since_ns = since_ns
        self._sound = RepliesSound()
        self._subscription: Subscription | None = None
        self.playback = HeardPlayback(self._sound)

    async def __aenter__(self) -> "AgentSound":
        """Subscribe, then read what was kept. Raises nats errors."""
        nc = connection(self._broker)
        self._subscription = await nc.subscribe(self._subject, cb=self._receive)
        await round_trip(nc)
        for data in await kept_sound(self._broker, self._subject, self._since_ns):
            if (frame := self._unpacked(data)) is not None:
                self._sound.add(frame)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Unsubscribe."""
        if self._subscription is not None and not connection(self._broker).is_closed:
            await self._subscription.unsubscribe()

    async def _receive(self, message: Msg) -> None:
        if (frame := self._unpacked(message.data)) is not None:
            self.playback.add(frame, now_ns())

    def _unpacked(self, data: bytes) -> OutFrame | None:
        try:
            return unpack_out(data)
        except BadAudio as error:
            log.warning("%s: sound that is none: %s", self._subject, error)
            return None
