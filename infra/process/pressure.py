"""When is it too much: figures that are smoothed, limits that do not flicker. Pure; the clock is a parameter."""

import math
from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Smoothed:
    """An average in which what is `over_s` old counts a third of what is new."""

    over_s: float
    value: float = 0.0
    _at_s: float | None = None

    def note(self, value: float, now_s: float) -> float:
        """Take in a value that has been so since the last one; return the average. The first is counted from 0."""
        since_s = now_s - self._at_s if self._at_s is not None else 0.0
        self._at_s = now_s
        self.value += (value - self.value) * -math.expm1(-since_s / self.over_s)
        return self.value


@dataclass(slots=True)
class Limit:
    """Exceeded from when a level has been at least `high` for `for_s`, until it has been at most `low` for `calm_s`."""

    high: float
    low: float
    for_s: float = 0.0
    calm_s: float = 0.0
    is_exceeded: bool = False
    _crossed_s: float | None = None
    """Since when it has been beyond the bound that would change it."""

    def note(self, level: float, now_s: float) -> bool:
        """Take in how high it is now; return whether the limit is exceeded."""
        if not (level <= self.low if self.is_exceeded else level >= self.high):
            self._crossed_s = None
            return self.is_exceeded
        self._crossed_s = now_s if self._crossed_s is None else self._crossed_s
        if now_s - self._crossed_s >= (self.calm_s if self.is_exceeded else self.for_s):
            self.is_exceeded, self._crossed_s = not self.is_exceeded, None
        return self.is_exceeded


@dataclass(slots=True)
class RecentAnswers:
    """How late the answers of the last `within_s` began, over all sessions."""

    within_s: float
    _answers: deque[tuple[float, str, float]] = field(default_factory=lambda: deque(maxlen=1_000))

    def note(self, session_id: str, late_ms: float, now_s: float) -> None:
        """Take in an answer."""
        self._answers.append((now_s, session_id, late_ms))

    def forget(self, session_id: str) -> None:
        """Forget the answers of a session that has ended."""
        self._answers = deque((each for each in self._answers if each[1] != session_id), self._answers.maxlen)

    def sessions(self, now_s: float) -> int:
        """Return in how many sessions that go on the agent has answered."""
        self._forget_old(now_s)
        return len({session_id for _, session_id, _ in self._answers})

    def median_ms(self, now_s: float) -> float:
        """Return how late half of them were at least, 0 without any."""
        self._forget_old(now_s)
        late = sorted(late_ms for _, _, late_ms in self._answers)
        return late[len(late) // 2] if late else 0.0

    def _forget_old(self, now_s: float) -> None:
        while self._answers and self._answers[0][0] < now_s - self.within_s:
            self._answers.popleft()
