"""What is sent to the collector arrives: spans in Jaeger, metrics where Prometheus scrapes them."""

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.monitoring.servers import running_traces
from tests.monitoring_tools import tool
from tests.waiting import until_async

pytestmark = pytest.mark.monitoring

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
RESOURCE = {"attributes": [{"key": "service.name", "value": {"stringValue": "daredevil-reasoning"}}]}


def span(now_ns: int) -> dict[str, Any]:
    times = {"startTimeUnixNano": str(now_ns - 10**9), "endTimeUnixNano": str(now_ns)}
    spans = [{"traceId": TRACE_ID, "spanId": "b7ad6b7169203331", "name": "turn", "kind": 1, **times}]
    return {"resourceSpans": [{"resource": RESOURCE, "scopeSpans": [{"spans": spans}]}]}


def gauge(now_ns: int) -> dict[str, Any]:
    points = [{"asInt": "3", "timeUnixNano": str(now_ns)}]
    metrics = [{"name": "daredevil.rooms", "gauge": {"dataPoints": points}}]
    return {"resourceMetrics": [{"resource": RESOURCE, "scopeMetrics": [{"metrics": metrics}]}]}


async def test_spans_arrive_in_jaeger_and_metrics_where_prometheus_looks(tmp_path: Path) -> None:
    tool("jaeger")
    now_ns = time.time_ns()
    async with running_traces(tmp_path) as traces, httpx.AsyncClient(timeout=20) as http:
        assert traces is not None
        assert (await http.post(f"{traces.otlp_url}/v1/traces", json=span(now_ns))).status_code == 200
        assert (await http.post(f"{traces.otlp_url}/v1/metrics", json=gauge(now_ns))).status_code == 200

        async def is_in_jaeger() -> bool:
            return bool(await traces.get(f"/api/traces/{TRACE_ID}"))

        async def is_at_prometheus() -> bool:
            exposed = (await http.get(f"http://127.0.0.1:{traces.pushed_port}/metrics")).text
            return 'service_name="daredevil-reasoning"} 3' in exposed

        await until_async(is_in_jaeger, 20)
        await until_async(is_at_prometheus, 20)
