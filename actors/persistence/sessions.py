"""The sessions that persistence holds: each is read on from where it was, not from its beginning."""

from collections import OrderedDict

from actors.persistence.record import is_whole
from actors.persistence.session_state import SessionState
from contracts.events import PlaybackFinished, PlaybackInterrupted, SessionClosed, TurnEnded
from infra.log.taped_log import EventLog

MOST_SESSIONS = 1000
"""Those with the latest exchanges; one that is dropped is read again from its beginning when it is needed."""


class Sessions:
    """The states of the sessions with the latest exchanges, each up to its last exchange."""

    def __init__(self, log: EventLog, most: int = MOST_SESSIONS) -> None:
        self._log = log
        self._most = most
        self._held: OrderedDict[str, SessionState] = OrderedDict()
        self._over: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        """Return how many are held."""
        return len(self._held)

    def forget(self, session_id: str) -> None:
        """Drop a session, and that it is over."""
        self._held.pop(session_id, None)
        self._over.pop(session_id, None)

    def is_over(self, session_id: str) -> bool:
        """Return whether a session is known to be over; the latest ones are."""
        return session_id in self._over

    async def at_close(self, event: SessionClosed | TurnEnded) -> SessionState:
        """Return a session that is over, with all its facts in the log; it is not held.

        Waits while NATS is away; raises what `facts_after` raises if it stays away.
        """
        session = self._held.pop(event.session_id, None) or SessionState()
        await self._read_on(session, event.session_id)
        self._over[event.session_id] = None
        if len(self._over) > self._most:
            self._over.popitem(last=False)
        return session

    async def at(self, played: PlaybackFinished | PlaybackInterrupted) -> SessionState:
        """Return the session of an exchange whose playback has ended, with all its facts in the log.

        Waits while NATS is away; raises what `facts_after` raises if it stays away.
        """
        session = self._held.get(played.session_id) or SessionState()
        await self._read_on(session, played.session_id)
        self._held[played.session_id] = session
        self._held.move_to_end(played.session_id)
        if len(self._held) > self._most:
            self._held.popitem(last=False)
        if session.forgot and not is_whole(session, played):
            session = SessionState(most=2**63)
            await self._read_on(session, played.session_id)
        return session

    async def _read_on(self, session: SessionState, session_id: str) -> None:
        for fact in await self._log.facts_after(session_id, session.sequence):
            session.apply(fact.event, fact.sequence)
