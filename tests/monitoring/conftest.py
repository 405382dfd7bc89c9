"""One system with all that is deployed beside it, for all tests of this folder: `make monitoring-test` runs them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import nats
import pytest
import pytest_asyncio
from nats.aio.msg import Msg

from infra.system.nats import free_port
from tests.livekit_server import LiveKitServer, running_livekit
from tests.monitoring.servers import Prometheus, Traces, running_alertmanager, running_prometheus, running_traces
from tests.systems import System, running_system
from tests.waiting import until_async

ALERTS_KEY = "a-key-for-alertmanager"


@dataclass(slots=True)
class Monitored:
    """A running system, what watches it, and the alerts that came by NATS."""

    system: System
    prometheus: Prometheus
    media: LiveKitServer
    alerts: list[Msg]
    traces: Traces | None
    """None where Jaeger is not there."""


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def monitored(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Monitored]:
    folder: Path = tmp_path_factory.mktemp("monitoring")
    port = free_port()
    async with running_livekit(folder) as media, running_traces(folder) as traces:
        environment = {
            "DAREDEVIL_ALERTS_KEY": ALERTS_KEY,
            "DAREDEVIL_LIVEKIT_URL": media.url,
            "DAREDEVIL_LIVEKIT_API_KEY": media.api_key,
            "DAREDEVIL_LIVEKIT_API_SECRET": media.api_secret,
            "DAREDEVIL_ROOM_EMPTY_S": "5",
            **{f"DAREDEVIL_{engine}_TIMEOUT_S": "120" for engine in ("LLM", "STT", "TTS")},
        }
        if traces is not None:
            environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = traces.otlp_url
        async with (
            running_system(folder / "data", environment) as system,
            running_prometheus(folder, system.data_dir / "run" / "prometheus-targets.json", port) as prometheus,
            running_alertmanager(folder, port, system.page_url, ALERTS_KEY),
        ):
            nc = await nats.connect(system.nats_url)
            alerts: list[Msg] = []

            async def hear(message: Msg) -> None:
                alerts.append(message)

            await nc.subscribe("alert.>", cb=hear)
            await until_async(lambda: prometheus.sees("daredevil-reasoning"), 60)
            yield Monitored(system, prometheus, media, alerts, traces)
            await nc.close()
