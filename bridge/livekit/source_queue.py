"""How much sound still waits in an audio source. Pure; times are seconds of a clock that never goes back."""

import math


class SourceQueue:
    """Sound leaves the source at its own pace; while the source is empty, none does.

    LiveKit's own figure (`AudioSource.queued_duration`) is too small by a frame after each time that a busy event loop
    let the source run empty, until a reply is over: by 80 ms on a busy machine.
    """

    def __init__(self) -> None:
        self._empty_at_s = -math.inf

    def put(self, seconds: float, now_s: float) -> None:
        """Note that sound goes in now."""
        self._empty_at_s = max(self._empty_at_s, now_s) + seconds

    def clear(self) -> None:
        """Note that the waiting sound was dropped."""
        self._empty_at_s = -math.inf

    def waiting_s(self, now_s: float) -> float:
        """Return how long the source takes to play what is in it."""
        return max(self._empty_at_s - now_s, 0.0)
