"""Sound of many microphones leaves together; that of a single one leaves at once."""

import pytest

from bridge.call.departures import APART_S, Departures
from infra.process.virtual_loop import VirtualLoop

FRAME_S = 0.02


class Microphone:
    """Notes when it could publish."""

    def __init__(self, loop: VirtualLoop, departures: Departures) -> None:
        self.published: list[float] = []
        self._loop, self._departures = loop, departures

    def send(self) -> None:
        self._loop.create_task(self._departures.leave(self._publish))
        self._loop.run_until_quiescent()

    async def _publish(self) -> None:
        self.published.append(self._loop.time())


@pytest.fixture
def loop() -> VirtualLoop:
    return VirtualLoop(at_s=10.0)


def test_frames_of_a_single_microphone_never_wait(loop: VirtualLoop) -> None:
    microphone = Microphone(loop, Departures())
    for n in range(5):
        loop.advance_to(10 + n * FRAME_S)
        microphone.send()
    assert microphone.published == [pytest.approx(10 + n * FRAME_S) for n in range(5)]


def test_what_comes_soon_after_a_departure_leaves_with_the_next_one(loop: VirtualLoop) -> None:
    departures = Departures()
    first, *others = [Microphone(loop, departures) for _ in range(4)]
    first.send()
    for n, other in enumerate(others):
        loop.advance_to(10 + 0.001 * (n + 1))
        other.send()
        other.send()
    assert [each.published for each in (first, *others)] == [[10.0], [], [], []]
    loop.advance_to(10 + APART_S)
    loop.run_until_quiescent()
    assert [each.published for each in others] == [[pytest.approx(10 + APART_S)]] * 3, "all that each had, at once"


def test_none_waits_for_longer_than_two_departures_are_apart(loop: VirtualLoop) -> None:
    departures = Departures()
    microphones = [Microphone(loop, departures) for _ in range(50)]
    sent: list[float] = []
    for n in range(500):
        loop.advance_to(10 + n * FRAME_S / 50)
        loop.run_until_quiescent()
        sent.append(loop.time())
        microphones[n % 50].send()
    loop.advance_to(30)
    loop.run_until_quiescent()
    for n, microphone in enumerate(microphones):
        waits = [left - came for left, came in zip(microphone.published, sent[n::50], strict=True)]
        assert max(waits) <= APART_S + 1e-6
    times = sorted({at for microphone in microphones for at in microphone.published})
    assert len(times) <= 1 + 500 * FRAME_S / 50 / APART_S
