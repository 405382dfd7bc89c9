"""How much a client may send: a bucket that fills with time and is emptied by what comes."""

from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """Allows `per_s` units a second on average and `burst` at once. Times are seconds of a monotonic clock."""

    per_s: float
    burst: float
    _left: float = -1
    _at_s: float = 0

    def take(self, amount: float, now_s: float) -> bool:
        """Tell whether `amount` more is allowed now; what is refused costs nothing."""
        if self._left < 0:
            self._left, self._at_s = self.burst, now_s
        self._left = min(self.burst, self._left + (now_s - self._at_s) * self.per_s)
        self._at_s = now_s
        if amount > self._left:
            return False
        self._left -= amount
        return True
