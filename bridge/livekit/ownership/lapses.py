"""Which leases have lapsed, as far as one watcher can tell. Pure; times are seconds of the watcher's clock.

A watcher that was held up itself must not declare others dead: silence lasts until the moment it last asked for news,
not until it read the answer.
"""

from dataclasses import dataclass

from bridge.livekit.ownership.lease import HELD, OVER, Holding

BUSY_S = 10.0
"""How long a job that answers may leave its lease as it is: it is busy, but alive."""


@dataclass(slots=True)
class Seen:
    """A lease as it was seen last, and since when it has been so."""

    holding: Holding
    revision: int
    changed_s: float
    answered_s: float = 0.0
    """When its job last answered, though it had not renewed it."""

    def may_be_alive(self, now_s: float) -> bool:
        """Return whether to ask its job: not if it has not renewed its lease for long, whatever it would answer."""
        return self.holding.state == HELD and now_s - self.changed_s < BUSY_S


class Lapses:
    """The leases of the agent `agent_name` that were seen."""

    def __init__(self, agent_name: str) -> None:
        self._agent_name = agent_name
        self._seen: dict[str, Seen] = {}
        self._asked_s = 0.0

    def take(self, holding: Holding, revision: int, now_s: float) -> None:
        """Take news of a lease."""
        if holding.state == OVER or holding.agent_name != self._agent_name:
            self._seen.pop(holding.session_id, None)
        else:
            self._seen[holding.session_id] = Seen(holding, revision, now_s)

    def asked(self, at_s: float) -> None:
        """Note that all news up to this time has been taken."""
        self._asked_s = at_s

    def lapsed(self) -> list[Seen]:
        """Return the leases that have not changed for as long as they may."""
        return [seen for seen in self._seen.values() if self._has_lapsed(seen)]

    def _has_lapsed(self, seen: Seen) -> bool:
        return self._asked_s - max(seen.changed_s, seen.answered_s) >= seen.holding.patience_s

    def forget(self) -> None:
        """Give everybody time again: while NATS was away nobody could renew a lease."""
        self._seen.clear()
