"""Facts stored a second, measured for a moment."""

from pathlib import Path

import pytest

from infra.bench.log_rate import measure_log_rate

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("servers", "partitions"), [(1, 4), pytest.param(3, 1, marks=pytest.mark.nightly)])
async def test_facts_are_stored_in_all_partitions_and_counted(tmp_path: Path, servers: int, partitions: int) -> None:
    run = await measure_log_rate(tmp_path, servers, partitions, writers=4, seconds=1)
    assert (run.servers, run.partitions) == (servers, partitions)
    assert run.facts > 0
    assert run.facts_per_s == run.facts
    assert 0 < run.p50_ms <= run.p99_ms
    assert run.fact_bytes > 100
    assert run.server_cpu > 0
