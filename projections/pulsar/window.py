"""How far the projection is: up to which fact everything is stored, and how much is in flight."""

from collections import deque
from collections.abc import Iterable, Mapping


class Window:
    """Facts in the log's order, each as messages for some topics; `position` has everything up to it stored."""

    def __init__(self, topics: Iterable[str], position: int = 0) -> None:
        self.position = position
        self.in_flight = 0
        self._last = position
        self._waiting: dict[str, deque[int]] = {topic: deque() for topic in topics}

    def sent(self, sequence: int, topics: Iterable[str]) -> None:
        """Note that a fact was sent to these topics; to none if they have it already."""
        self._last = sequence
        for topic in topics:
            self._waiting[topic].append(sequence)
            self.in_flight += 1
        if not self.in_flight:
            self.position = sequence

    def stored(self, ends: Mapping[str, int]) -> int:
        """Note up to which sequence each topic has everything; return how many more messages that are."""
        before = self.in_flight
        for topic, end in ends.items():
            waiting = self._waiting[topic]
            while waiting and waiting[0] <= end:
                waiting.popleft()
        self.in_flight = sum(map(len, self._waiting.values()))
        owed = [waiting[0] for waiting in self._waiting.values() if waiting]
        # It may have been further already: the answer of a broker that forgot must not move it back.
        self.position = max(self.position, min(owed) - 1 if owed else self._last)
        return before - self.in_flight
