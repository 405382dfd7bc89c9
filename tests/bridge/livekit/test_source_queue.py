"""How much waits in an audio source."""

import pytest

from bridge.livekit.source_queue import SourceQueue


def test_sound_that_goes_in_while_there_is_some_waits_behind_it() -> None:
    queue = SourceQueue()
    queue.put(0.04, now_s=10.0)
    queue.put(0.04, now_s=10.01)
    assert queue.waiting_s(10.03) == pytest.approx(0.05)


def test_a_hole_is_not_made_up_for() -> None:
    queue = SourceQueue()
    queue.put(0.04, now_s=10.0)
    queue.put(0.04, now_s=10.14)
    assert queue.waiting_s(10.15) == pytest.approx(0.03)


def test_nothing_waits_in_an_empty_source_and_after_a_clearing() -> None:
    queue = SourceQueue()
    assert queue.waiting_s(0.0) == 0
    queue.put(0.04, now_s=10.0)
    assert queue.waiting_s(11.0) == 0
    queue.put(0.04, now_s=12.0)
    queue.clear()
    assert queue.waiting_s(12.0) == 0
