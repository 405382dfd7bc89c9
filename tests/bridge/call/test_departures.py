"""Sound of many microphones leaves together; that of a single one leaves at once."""

import asyncio

import pytest

from bridge.call.departures import APART_S, CROWDED_APART_S, Departures
from infra.process.virtual_loop import VirtualLoop
from tests.virtual_time import START_S

FRAME_S = 0.02


class Microphone:
    """Notes when it could publish."""

    def __init__(self, loop: VirtualLoop, departures: Departures) -> None:
        self.published: list[float] = []
        self._loop, self._departures = loop, departures

    def send(self) -> None:
        self._loop.create_task(self._departures.leave(self._publish))
        self._loop.run_until_quiescent()

    def end(self) -> None:
        self._loop.finish(self._loop.create_task(self._departures.leave_at_last(self._publish)))

    async def _publish(self) -> None:
        self.published.append(self._loop.time())


def test_frames_of_a_single_microphone_never_wait(virtual_loop: VirtualLoop) -> None:
    microphone = Microphone(virtual_loop, Departures())
    for n in range(5):
        virtual_loop.advance_to(START_S + n * FRAME_S)
        microphone.send()
    assert microphone.published == [pytest.approx(START_S + n * FRAME_S) for n in range(5)]


def test_what_comes_soon_after_a_departure_leaves_with_the_next_one(virtual_loop: VirtualLoop) -> None:
    departures = Departures()
    first, *others = [Microphone(virtual_loop, departures) for _ in range(4)]
    first.send()
    for n, other in enumerate(others):
        virtual_loop.advance_to(START_S + 0.001 * (n + 1))
        other.send()
        other.send()
    assert [each.published for each in (first, *others)] == [[START_S], [], [], []]
    virtual_loop.advance_to(START_S + APART_S)
    virtual_loop.run_until_quiescent()
    assert [each.published for each in others] == [[pytest.approx(START_S + APART_S)]] * 3, "all that each had, at once"


def test_none_waits_for_longer_than_two_departures_are_apart(virtual_loop: VirtualLoop) -> None:
    departures = Departures()
    microphones = [Microphone(virtual_loop, departures) for _ in range(50)]
    sent: list[float] = []
    for n in range(500):
        virtual_loop.advance_to(START_S + n * FRAME_S / 50)
        virtual_loop.run_until_quiescent()
        sent.append(virtual_loop.time())
        microphones[n % 50].send()
    virtual_loop.advance_to(START_S + 20)
    virtual_loop.run_until_quiescent()
    for n, microphone in enumerate(microphones):
        waits = [left - came for left, came in zip(microphone.published, sent[n::50], strict=True)]
        assert max(waits) <= CROWDED_APART_S + 1e-6
    times = sorted({at for microphone in microphones for at in microphone.published})
    assert len(times) <= 3 + 500 * FRAME_S / 50 / CROWDED_APART_S


def test_a_few_microphones_wait_no_longer_than_departures_are_apart(virtual_loop: VirtualLoop) -> None:
    departures = Departures()
    microphones = [Microphone(virtual_loop, departures) for _ in range(4)]
    for n in range(20):
        came_s = START_S + n * FRAME_S
        for each, microphone in enumerate(microphones):
            virtual_loop.advance_to(came_s + each * 0.001)
            microphone.send()
        virtual_loop.advance_to(came_s + APART_S)
        virtual_loop.run_until_quiescent()
        assert {len(microphone.published) for microphone in microphones} == {n + 1}


def test_a_microphone_that_ends_has_sent_its_last_sound_by_then_and_leaves_no_task(virtual_loop: VirtualLoop) -> None:
    departures = Departures()
    microphone, other = [Microphone(virtual_loop, departures) for _ in range(2)]
    other.send()
    microphone.send()
    microphone.end()
    assert microphone.published[0] == pytest.approx(START_S + APART_S)
    assert asyncio.all_tasks(virtual_loop) == set()


def test_sound_whose_departure_was_cancelled_leaves_with_the_next_one(virtual_loop: VirtualLoop) -> None:
    departures = Departures()
    first, second = [Microphone(virtual_loop, departures) for _ in range(2)]
    first.send()
    second.send()
    for task in asyncio.all_tasks(virtual_loop):
        task.cancel()
    virtual_loop.advance_to(START_S + APART_S)
    assert second.published == []
    first.send()
    virtual_loop.advance_to(START_S + 3 * APART_S)
    assert len(second.published) == 1
