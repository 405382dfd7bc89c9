"""The figures of `daredevil bench growth`."""

from pathlib import Path

import pytest

from infra.bench.growth import GrowthSample, left_on_disk, slopes


def samples(memory_mb: list[float]) -> list[GrowthSample]:
    return [GrowthSample(100 * n, n, {"nats": mb, "bridge": 50.0}, {}) for n, mb in enumerate(memory_mb)]


def test_what_comes_before_the_warm_up_is_over_does_not_count() -> None:
    assert slopes(samples([20, 150, 200, 200, 200]), 200) == {"nats": 0, "bridge": 0}


def test_a_leak_is_reported_in_mb_for_a_thousand_sessions() -> None:
    found = slopes(samples([20, 150, 160, 170, 180]), 100)
    assert found["nats"] == pytest.approx(100)
    assert found["bridge"] == 0


def test_what_is_left_on_the_disk_is_reported_without_the_store(tmp_path: Path) -> None:
    for name, size in {"logs/a.log": 30_000, "nats/jetstream/x": 9, "run/held/12/recorder.1": 5, "run/port": 4}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
    assert left_on_disk(tmp_path) == (0.03, 2)


def test_of_one_look_nothing_can_be_told() -> None:
    assert slopes(samples([20]), 0) == {"nats": 0, "bridge": 0}
