"""How much a client may send: a token bucket, which fills with time and is emptied by what comes. Pure."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class TokenBucket:
    """Allows `per_s` units a second on average and `burst` at once. Times are seconds of a monotonic clock."""

    per_s: float
    burst: float
    _left: float = -1
    _at_s: float = 0

    def take(self, amount: float, now_s: float) -> bool:
        """Return whether `amount` more is allowed now; a refusal costs nothing."""
        if self._left < 0:
            self._left, self._at_s = self.burst, now_s
        self._left = min(self.burst, self._left + (now_s - self._at_s) * self.per_s)
        self._at_s = now_s
        if amount > self._left:
            return False
        self._left -= amount
        return True


SOUND_SPEED, SOUND_BURST_S = 4.0, 60.0
"""Sound comes in real time; after a stall of the network, or of the door, all that was held back comes at once."""

FLOOD_S = 5.0
"""What a stall has held back is through by then; of a client that goes on for longer sound is not all it sends."""

FLOOD_MOST_S = 60.0
"""Sound above the limit that no stall can explain, in seconds."""

CALM_S = 1.0
"""After this long without sound above the limit, what was left out before is reported."""


class Flood(Exception):
    """A client keeps sending more sound than real time."""


@dataclass(slots=True)
class SoundLimit:
    """Takes a client's sound as long as a stall may explain how it comes, leaves out the rest, and ends a flood.

    Amounts are seconds of sound, times seconds of a monotonic clock.
    """

    _bucket: TokenBucket = field(default_factory=lambda: TokenBucket(SOUND_SPEED, SOUND_BURST_S))
    _left_out_s: float = 0
    _since_s: float = 0
    _last_s: float = 0

    def take(self, amount_s: float, now_s: float) -> bool:
        """Return whether the sound is accepted; if not, it is left out. Raises Flood."""
        if self._bucket.take(amount_s, now_s):
            return True
        if not self._left_out_s:
            self._since_s = now_s
        self._left_out_s, self._last_s = self._left_out_s + amount_s, now_s
        if now_s - self._since_s > FLOOD_S or self._left_out_s > FLOOD_MOST_S:
            raise Flood
        return False

    def left_out_s(self, now_s: float) -> float:
        """Return how much was left out, once and when nothing has been for a while; else 0."""
        if not self._left_out_s or now_s - self._last_s < CALM_S:
            return 0
        left_out_s, self._left_out_s = self._left_out_s, 0
        return left_out_s
