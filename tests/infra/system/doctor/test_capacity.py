"""How many calls a core carries, as the doctor estimates it from the local engines."""

import pytest

from infra.settings import Settings
from infra.system.doctor.capacity import calls_per_core, capacity


def test_engines_that_take_twice_the_time_carry_half_the_calls() -> None:
    assert calls_per_core(0.2) == pytest.approx(3.86, abs=0.01)
    assert calls_per_core(0.4) == pytest.approx(calls_per_core(0.2) / 2)


@pytest.mark.engines
async def test_the_local_engines_are_tried_and_the_figure_is_in_words() -> None:
    (finding,) = await capacity(Settings())
    assert "calls per core" in finding.detail
    assert "ms of CPU" in finding.detail


@pytest.mark.engines
async def test_a_machine_on_which_they_take_too_long_is_said_to_be_too_slow() -> None:
    (finding,) = await capacity(Settings(), within_s=0)
    assert finding.state == "warning"
    assert "too slow, or busy, for a call" in finding.detail


async def test_engines_elsewhere_say_nothing_about_this_machine() -> None:
    assert await capacity(Settings(stt="deepgram.STT,local")) == []
