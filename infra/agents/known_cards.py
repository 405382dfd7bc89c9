"""The agents that a door may choose from, kept until reasoning tells of others."""

from weakref import WeakKeyDictionary

from faststream.nats import NatsBroker
from nats.aio.msg import Msg

from contracts.topology import AGENTS
from infra.agents.card import AgentCards, stored_cards
from infra.log.connection import connection, lasting, round_trip


async def known_cards(broker: NatsBroker) -> AgentCards:
    """Return the agents that doors may choose: those that are stored, without asking for them each time.

    Raises nats errors.
    """
    if broker not in _kept:
        _kept[broker] = _Kept()
    return await _kept[broker].cards(broker)


class _Kept:
    """The cards that were read last. A change is heard of while the connection lasts; after a break they are read."""

    def __init__(self) -> None:
        self._cards = AgentCards()
        self._read_at: tuple[int, int] | None = None
        self._changes = 0
        self._listens = False

    async def cards(self, broker: NatsBroker) -> AgentCards:
        """Return them. Raises nats errors."""
        nc = connection(broker)
        if not self._listens:
            await nc.subscribe(AGENTS.subjects, cb=lasting(self._changed))
            await round_trip(nc)
            self._listens = True
        now = self._changes, nc.stats["reconnects"]
        if now != self._read_at or not nc.is_connected:
            self._cards = await stored_cards(broker)
            self._read_at = now  # what changed meanwhile is read by the next one
        return self._cards

    async def _changed(self, _: Msg) -> None:
        self._changes += 1


_kept: WeakKeyDictionary[NatsBroker, _Kept] = WeakKeyDictionary()
