"""Which connections the web server holds, and which one makes room when there are too many. No I/O."""

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from bridge.web.addresses import network_of


@dataclass(slots=True)
class _Held:
    network: str
    drop: Callable[[], None]
    is_waiting: bool = True


class Connections:
    """Counts the connections of each address and in total.

    A waiting connection (its request is incomplete, or the last is answered) makes room for a newer one, the longest
    waiting first. One that is at work (a request, a WebSocket) is never dropped: the newer one is refused instead.
    """

    def __init__(self, per_address: int, total: int) -> None:
        self._per_address, self._total = per_address, total
        self._held: dict[Hashable, _Held] = {}  # in the order in which they started to wait or to work
        self._of: Counter[str] = Counter()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._held)

    def open(self, key: Hashable, address: str, drop: Callable[[], None], is_shared: bool = False) -> bool:
        """Accept a new connection; return False if there is no room for it.

        `drop` ends it. `is_shared` is for the address of a trusted proxy: many people come from there.
        """
        network = network_of(address)
        if not is_shared and self._of[network] >= self._per_address and not self._drop_waiting(network):
            return False
        if len(self._held) >= self._total and not self._drop_waiting(None):
            return False
        self._held[key] = _Held(network, drop)
        self._of[network] += 1
        return True

    def works(self, key: Hashable) -> None:
        """Note that a request is in progress."""
        self._set_waiting(key, False)

    def waits(self, key: Hashable) -> None:
        """Note that the request is answered."""
        self._set_waiting(key, True)

    def close(self, key: Hashable) -> None:
        """Note that a connection has ended; does nothing if it is not held."""
        held = self._held.pop(key, None)
        if held is None:
            return
        self._of[held.network] -= 1
        if not self._of[held.network]:
            del self._of[held.network]

    def _set_waiting(self, key: Hashable, is_waiting: bool) -> None:
        held = self._held.get(key)
        if held is not None and held.is_waiting != is_waiting:
            held.is_waiting = is_waiting
            self._held[key] = self._held.pop(key)

    def _drop_waiting(self, network: str | None) -> bool:
        """Drop the connection that has waited longest, of a network or of all; return whether there was one."""
        for key, held in self._held.items():
            if held.is_waiting and network in (None, held.network):
                self.close(key)
                held.drop()
                return True
        return False
