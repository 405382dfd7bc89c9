"""How long sound waits in a caller's jitter buffer, out of WebRTC's running totals."""

import pytest

from infra.caller.jitter_buffer import JitterBuffer, Waited


def test_what_sound_waited_is_told_of_each_time_between_two_looks() -> None:
    buffer = JitterBuffer()
    for waited in (Waited(1.0, 20.0, 1000), Waited(1.1, 23.0, 1100), Waited(1.2, 23.0, 1100), Waited(1.3, 35.0, 1300)):
        buffer.take(waited)
    assert [at_s for at_s, _ in buffer.waits()] == [1.1, 1.3]
    assert [waited_s for _, waited_s in buffer.waits()] == pytest.approx([0.03, 0.06])
