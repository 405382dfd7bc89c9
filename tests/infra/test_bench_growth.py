"""The figures of `daredevil bench growth`."""

import pytest

from infra.bench.growth import GrowthSample, slopes


def samples(memory_mb: list[float]) -> list[GrowthSample]:
    return [GrowthSample(100 * n, n, {"nats": mb, "bridge": 50.0}, {}) for n, mb in enumerate(memory_mb)]


def test_what_comes_before_the_warm_up_is_over_does_not_count() -> None:
    assert slopes(samples([20, 150, 200, 200, 200]), 200) == {"nats": 0, "bridge": 0}


def test_a_leak_is_told_in_mb_for_a_thousand_sessions() -> None:
    found = slopes(samples([20, 150, 160, 170, 180]), 100)
    assert found["nats"] == pytest.approx(100)
    assert found["bridge"] == 0


def test_of_one_look_nothing_can_be_told() -> None:
    assert slopes(samples([20]), 0) == {"nats": 0, "bridge": 0}
