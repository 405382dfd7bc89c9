"""How far the projection is: up to which fact everything has been stored, and how much is on its way."""

from collections import deque


class Window:
    """Facts in the log's order, each as some messages; `position` is the last with everything up to it stored."""

    def __init__(self, position: int = 0) -> None:
        self.position = position
        self.in_flight = 0
        self._order: deque[int] = deque()
        self._left: dict[int, int] = {}

    def sent(self, sequence: int, messages: int) -> None:
        """Note that a fact was sent as so many messages; none if its topics have it already."""
        self._order.append(sequence)
        self._left[sequence] = messages
        self.in_flight += messages
        self._advance()

    def stored(self, sequence: int) -> None:
        """Note that one message of a fact is stored. Raises KeyError if none was on its way."""
        self._left[sequence] -= 1
        self.in_flight -= 1
        self._advance()

    def _advance(self) -> None:
        while self._order and not self._left[self._order[0]]:
            self.position = self._order.popleft()
            del self._left[self.position]
