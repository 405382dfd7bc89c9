"""Which connections are held, and which make room."""

from bridge.web.connections import Connections


class Held:
    """A table of connections, and which of them were dropped."""

    def __init__(self, per_address: int = 1000, total: int = 10_000) -> None:
        self.connections = Connections(per_address, total)
        self.dropped: list[str] = []

    def open(self, key: str, address: str = "192.0.2.1", is_shared: bool = False) -> bool:
        return self.connections.open(key, address, lambda: self.dropped.append(key), is_shared)


def test_of_those_that_send_no_request_the_oldest_makes_room() -> None:
    held = Held(per_address=3)
    for key in "abc":
        assert held.open(key)
    held.connections.works("a")
    assert held.open("d")
    assert held.open("e")
    assert held.dropped == ["b", "c"]
    assert held.open("of somebody else", "192.0.2.2")
    assert held.dropped == ["b", "c"]


def test_those_at_work_are_never_dropped_and_then_a_newer_one_is_refused() -> None:
    held = Held(per_address=3)
    for key in "abc":
        held.open(key)
        held.connections.works(key)
    assert not held.open("d")
    assert held.open("d", "192.0.2.2")
    held.connections.waits("b")
    assert held.open("e")
    assert held.dropped == ["b"]
    held.connections.close("a")
    assert held.open("f")
    assert len(held.connections) == 4


def test_all_together_have_a_limit_and_a_proxy_has_no_other() -> None:
    held = Held(per_address=2, total=4)
    for n in range(4):
        assert held.open(f"{n}", is_shared=True)
        held.connections.works(f"{n}")
    assert not held.open("more", "192.0.2.2")
    held.connections.waits("2")
    assert held.open("more", "192.0.2.2")
    assert held.dropped == ["2"]


def test_closing_twice_or_what_was_never_open_changes_nothing() -> None:
    held = Held(per_address=1)
    held.open("a")
    for key in ("a", "a", "b"):
        held.connections.close(key)
    held.connections.works("a")
    assert len(held.connections) == 0
    assert held.open("c")
    assert held.dropped == []
