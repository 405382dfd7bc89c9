"""Dashboards and alerts know each process by its name, whatever it is called in traces."""

import json
from pathlib import Path

import pytest

from infra.system.nats import free_port
from tests.infra.metrics.processes import serving
from tests.monitoring.servers import running_prometheus
from tests.waiting import until_async

pytestmark = pytest.mark.monitoring


async def test_a_service_name_of_ones_own_changes_no_query(tmp_path: Path) -> None:
    with serving('daredevil_process_ready{service_name="shop-reasoning"} 1\n') as address:
        targets = tmp_path / "targets.json"
        targets.write_text(json.dumps([{"targets": [address], "labels": {"process": "reasoning"}}]))
        async with running_prometheus(tmp_path, targets, free_port()) as prometheus:
            await until_async(lambda: prometheus.query("daredevil_process_ready"), 60)
            [ready] = await prometheus.query("daredevil_process_ready")
    assert ready["metric"] == {
        "__name__": "daredevil_process_ready",
        "instance": address,
        "job": "daredevil",
        "service_name": "daredevil-reasoning",
    }
