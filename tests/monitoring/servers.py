"""Real Prometheus, Alertmanager, Jaeger and a collector for tests, with the project's own files on free ports.

Only addresses and durations are changed in those files: what is tested is what is deployed.
"""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from infra.process.http_status import http_status
from infra.system.nats import free_port
from infra.system.processes import dying_with_parent
from tests.infra.deploy.monitoring import FOLDER, read
from tests.monitoring_tools import found_tool, tool
from tests.yaml_text import read_yaml

START_TIMEOUT_S = 60
EVERY = "1s"
"""How often the test's Prometheus scrapes and evaluates, and how long an alert waits."""


@asynccontextmanager
async def running(log: Path, ready_url: str, *command: str) -> AsyncIterator[None]:
    """Run a program for a block; it is entered when the address answers with 200."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            dying_with_parent(*command), stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=log.parent
        )
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            while await http_status(ready_url) != 200:
                assert process.poll() is None, f"{command[0]} ended: see {log}"
                await asyncio.sleep(0.05)
        yield
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running Prometheus."""

    url: str

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """Return what an expression is now, one entry a series. Raises AssertionError if it is not understood."""
        async with httpx.AsyncClient(base_url=self.url, timeout=20) as http:
            answer = (await http.get("/api/v1/query", params={"query": expression})).json()
        assert answer["status"] == "success", f"{expression}: {answer.get('error')}"
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    async def sees(self, service: str) -> bool:
        """Return whether it scrapes a service and knows where alerts go, which it does seconds after it has started."""
        async with httpx.AsyncClient(base_url=self.url, timeout=20) as http:
            alertmanagers = (await http.get("/api/v1/alertmanagers")).json()["data"]["activeAlertmanagers"]
        return bool(alertmanagers and await self.query(f'service:up:sum{{service_name="{service}"}} > 0'))


@asynccontextmanager
async def running_prometheus(folder: Path, targets: Path, alertmanager_port: int) -> AsyncIterator[Prometheus]:
    """Run Prometheus on `prometheus.yml`; `targets` is the file in which a system says where its processes are."""
    port, program = free_port(), tool("prometheus")
    url = f"http://127.0.0.1:{port}"
    config = read("prometheus.yml")
    config["global"] = {"scrape_interval": EVERY, "evaluation_interval": EVERY}
    config["rule_files"] = [str(FOLDER / "recording.yaml"), str(_hasty_alerts(folder))]
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{alertmanager_port}"]
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    jobs["daredevil"]["file_sd_configs"][0]["files"] = [str(targets)]
    jobs["prometheus"]["static_configs"][0]["targets"] = [f"127.0.0.1:{port}"]
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    options = (
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
        f"--rules.alert.resend-delay={EVERY}",
    )
    async with running(folder / "prometheus.log", f"{url}/-/ready", program, *options):
        yield Prometheus(url)


def _hasty_alerts(folder: Path) -> Path:
    """Write the alerts with a short time to wait; return where."""
    alerts = read("alerts.yaml")
    for group in alerts["groups"]:
        for rule in group["rules"]:
            if "for" in rule:
                rule["for"] = EVERY
    file = folder / "alerts.yaml"
    file.write_text(yaml.safe_dump(alerts))
    return file


@asynccontextmanager
async def running_alertmanager(folder: Path, port: int, door_url: str, key: str) -> AsyncIterator[None]:
    """Run Alertmanager on `alertmanager.yml`, which posts to a door."""
    program, config = tool("prometheus-alertmanager"), read("alertmanager.yml")
    config["route"] |= {"group_wait": EVERY, "group_interval": EVERY}
    [webhook] = config["receivers"][0]["webhook_configs"]
    webhook["url"] = f"{door_url.rstrip('/')}/alerts"
    (folder / webhook["http_config"]["authorization"]["credentials_file"]).write_text(key)
    file = folder / "alertmanager.yml"
    file.write_text(yaml.safe_dump(config))
    options = (
        f"--config.file={file}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    )
    async with running(folder / "alertmanager.log", f"http://127.0.0.1:{port}/-/ready", program, *options):
        yield


@dataclass(frozen=True, slots=True)
class Traces:
    """A collector that takes OTLP over HTTP, and Jaeger behind it."""

    otlp_url: str
    jaeger_url: str
    pushed_port: int

    async def get(self, path: str, **parameters: str) -> Any:
        """Return what Jaeger's API answers."""
        async with httpx.AsyncClient(base_url=self.jaeger_url, timeout=20) as http:
            return (await http.get(path, params=parameters)).json()["data"]


@asynccontextmanager
async def running_traces(folder: Path) -> AsyncIterator[Traces | None]:
    """Run Jaeger on `jaeger.yaml`, and its program once more on `collector.yaml`: it is a collector, too.

    It has all parts that the collector's file names but the one that reads log files. Yields None without Jaeger.
    """
    program = found_tool("jaeger")
    if not program:
        yield None
        return
    grpc, http, pushed, jaeger, query, query_grpc = (free_port() for _ in range(6))
    ports = {"4317": grpc, "4318": http, "8889": pushed, "14317": jaeger, "16686": query, "16685": query_grpc}
    collector = _on_free_ports("collector.yaml", ports)
    del collector["receivers"]["filelog"]
    collector["service"]["pipelines"]["logs"]["receivers"].remove("filelog")
    for name, config in (("jaeger", _on_free_ports("jaeger.yaml", ports)), ("collector", collector)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(config))
    async with (
        running(folder / "jaeger.log", f"http://127.0.0.1:{query}/", program, f"--config={folder / 'jaeger.yaml'}"),
        running(
            folder / "collector.log",
            f"http://127.0.0.1:{pushed}/metrics",
            *(program, f"--config={folder / 'collector.yaml'}"),
        ),
    ):
        yield Traces(f"http://127.0.0.1:{http}", f"http://127.0.0.1:{query}", pushed)


def _on_free_ports(file: str, ports: dict[str, int]) -> Any:
    text = (FOLDER / file).read_text()
    for usual, port in ports.items():
        text = text.replace(f":{usual}\n", f":{port}\n").replace(f":{usual}}}", f":{port}}}")
    return read_yaml(text)
