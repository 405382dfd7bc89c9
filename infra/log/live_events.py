"""Live facts, beside the durable: what every copy of a process has to know as soon as it is stored."""

import logging

from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from contracts.codec import Undecodable, decode
from contracts.topology import LISTENERS, live_event_subject
from infra.log.connection import connection, lasting, unsubscribe
from infra.log.handlers import EventHandlers, HandlersMismatch, Subscriber
from infra.tape.deliveries import LIVE
from infra.tape.handling import handler_called
from infra.tape.tape import Tapes
from infra.tape.untaped import Untaped
from infra.telemetry.traces import about

log = logging.getLogger(__name__)


class LiveEvents(EventHandlers[None], Subscriber):
    """Calls the handler of each event that a process's row in `LISTENERS` names, in all sessions.

        live = LiveEvents(broker, SYNTHESIS)

        @live.on(e.TurnInterrupted)
        async def turn_interrupted(event: e.TurnInterrupted) -> None:
            ...

    Every copy of the process receives every event, and nothing is held: what is stored while this process or its
    connection is away is missed. Events of one class arrive in order, and the next one waits for the previous
    handler. Undecodable messages and failing handlers are logged; neither ends the subscription.
    Each call of a handler is noted on the session's tape, if `tapes` are given. Raises HandlersMismatch for a process
    that has no such row.
    """

    def __init__(self, broker: NatsBroker, process: str, tapes: Tapes | None = None) -> None:
        rows = [row for row in LISTENERS if row.process == process and row.events]
        if not rows:
            raise HandlersMismatch(f"{process} has no row with events in LISTENERS (contracts/topology): add one")
        super().__init__(f"listener {process}", tuple(event_class for row in rows for event_class in row.events))
        self._broker = broker
        self._tapes = tapes or Untaped()
        self._subscriptions: list[Subscription] = []

    async def open(self) -> None:
        """Subscribe; call it when the broker is connected.

        Raises HandlersMismatch if the handlers are not those of the row, and nats errors.
        """
        self.check()
        for event_class in self.events:
            subject = live_event_subject(event_class)
            self._subscriptions.append(await connection(self._broker).subscribe(subject, cb=lasting(self._take)))

    async def close(self) -> None:
        """Unsubscribe."""
        await unsubscribe(connection(self._broker), self._subscriptions)

    async def _take(self, message: Msg) -> None:
        try:
            event = decode(message.subject, message.data)
        except Undecodable as error:
            log.warning("a live event was not handled: %s", error)
            return
        sequence = int((message.headers or {}).get("Nats-Sequence", "0"))
        try:
            with (
                handler_called(self._tapes.of(event.session_id), LIVE, sequence),
                about(event.session_id, event.turn_id),
            ):
                await self.handle(event)
        except Exception:  # whatever a handler raises must not end the subscription
            log.exception("%s of %s was not handled", type(event).__name__, event.session_id)
