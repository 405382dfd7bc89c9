"""How many calls may begin at once: what a call costs shows only when it has been answered. Pure."""

from dataclasses import dataclass, field

FEW_CALLS = 3
"""With fewer conversations in the last half minute a machine is not full of them: so many may begin at once on any."""

UNANSWERED_S = 10.0
"""How long a call may wait for its first answer and still count as new: some callers say nothing."""


@dataclass(slots=True)
class Newcomers:
    """The calls that have begun at any door and have not been answered yet. Times are monotonic seconds."""

    cores: float
    """A call that is being answered needs less than one: so many may begin while nothing is known."""
    _since_s: dict[str, float] = field(default_factory=dict)

    def began(self, session_id: str, now_s: float) -> None:
        """Take in that a call has begun, or begins here."""
        self._since_s.setdefault(session_id, now_s)

    def known(self, session_id: str) -> None:
        """Take in that a call has been answered, or has ended."""
        self._since_s.pop(session_id, None)

    def may_begin(self, session_id: str, answered: int, carried: float | None, now_s: float) -> bool:
        """Return whether a call may begin; one that has begun already may.

        `answered` calls go on, and the machine carries `carried` (None: unknown, there are too few).
        """
        self._since_s = {each: at_s for each, at_s in self._since_s.items() if at_s > now_s - UNANSWERED_S}
        if session_id in self._since_s:
            return True
        new = len(self._since_s)
        most = self.cores if carried is None else carried - answered
        return answered + new < FEW_CALLS or new < max(1, int(most))
