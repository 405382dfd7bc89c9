"""How many sessions one address may open at all doors of a process together."""

from bridge.web.addresses import Buckets
from infra.settings import Settings


class TooManyOpenings(RuntimeError):
    """An address opened too many sessions; `retry_after_s` says when it may open another."""

    def __init__(self, per_minute: int, retry_after_s: int) -> None:
        super().__init__(
            f"more than {per_minute} sessions a minute were opened from this address; "
            f"wait {retry_after_s} s, or go on in an open one (DAREDEVIL_MAX_OPENINGS_PER_MINUTE)"
        )
        self.retry_after_s = retry_after_s


class Openings:
    """Counts the sessions that each address opens."""

    def __init__(self, settings: Settings) -> None:
        self._per_minute = settings.max_openings_per_minute
        self._buckets = Buckets(self._per_minute / 60, max(1, self._per_minute / 2)) if self._per_minute else None

    def take(self, address: str) -> None:
        """Count a session that is about to be opened. Raises TooManyOpenings."""
        if self._buckets is not None and not self._buckets.take(address):
            raise TooManyOpenings(self._per_minute, self._buckets.wait_s)
