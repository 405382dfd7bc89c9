"""The profile `observability` beside `core`: processes are scraped, alerts reach NATS, and each turn is a trace."""

import json
from pathlib import Path

import httpx
import nats
import pytest

from contracts import events as e
from contracts.topology import alert_subject
from infra.caller import place_call
from infra.telemetry.turns import trace_id_of
from tests.e2e.conftest import DATA
from tests.e2e.the_log import facts_of
from tests.stack.stack import OURS, Stack, needs
from tests.waiting import until_async

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(600)]

LOG_LINE = {
    "time": "2026-01-02T03:04:05.678Z",
    "level": "WARNING",
    "service": "daredevil-reasoning",
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
    "message": "tried",
}
"""A line of a process with DAREDEVIL_LOG_JSON, as far as the collector reads it."""

PROFILES = ("core", "rooms", "observability")
VOICE_PATH = ("transcript", "reasoning", "synthesis", "bridge")


async def test_prometheus_scrapes_every_process_and_knows_alertmanager(stack: Stack) -> None:
    await stack.up("prometheus", "alertmanager", profiles=PROFILES)
    expected = {f"daredevil-{name}" for name in OURS if name != "llm"}
    async with httpx.AsyncClient(base_url=stack.local_url("PROMETHEUS_PORT"), timeout=20) as http:

        async def all_scraped() -> bool:
            answer = (await http.get("/api/v1/query", params={"query": 'up{job="daredevil"} == 1'})).json()
            return expected <= {series["metric"]["service_name"] for series in answer["data"]["result"]}

        async def alertmanager_is_known() -> bool:
            return bool((await http.get("/api/v1/alertmanagers")).json()["data"]["activeAlertmanagers"])

        await until_async(all_scraped, 180, "all processes are scraped")
        await until_async(alertmanager_is_known, 60, "Prometheus knows Alertmanager")


async def test_an_alert_reaches_nats_through_the_door(stack: Stack) -> None:
    await stack.up("alertmanager", profiles=PROFILES)
    nc = await nats.connect(stack.nats_url)
    try:
        heard = await nc.subscribe(alert_subject("*", "*"))
        alert = {"labels": {"alertname": "Tried", "severity": "warning"}, "annotations": {"summary": "only a try"}}
        async with httpx.AsyncClient(base_url=stack.local_url("ALERTMANAGER_PORT"), timeout=20) as http:
            assert (await http.post("/api/v2/alerts", json=[alert])).status_code == 200
        summary = ""
        while summary != "only a try":
            summary = json.loads((await heard.next_msg(60)).data)["summary"]
    finally:
        await nc.close()


async def test_a_turn_is_one_trace_in_jaeger_through_the_collector(stack: Stack, tmp_path: Path) -> None:
    await needs("jaeger", "otelcol")
    stack.variables["CONTAINER_LOGS"] = str(tmp_path)
    await stack.compose("up", "-d", "jaeger", "collector", profiles=PROFILES)
    stack.variables["OTLP_ENDPOINT"] = "http://collector:4318"
    await stack.replace(*VOICE_PATH)
    result = await place_call(stack.page_url, [DATA / "hello.wav"], answer_timeout_s=120)
    facts = [fact.event for fact in await facts_of(stack.nats_url, result.session_id)]
    [turn] = [fact.turn_id for fact in facts if isinstance(fact, e.TurnEnded)]
    expected = {f"daredevil-{name}" for name in VOICE_PATH}
    async with httpx.AsyncClient(base_url=stack.local_url("JAEGER_PORT"), timeout=20) as http:

        async def is_whole() -> bool:
            answer = await http.get(f"/api/traces/{trace_id_of(result.session_id, turn):032x}")
            found = answer.json()["data"] if answer.status_code == 200 else []
            return bool(found) and expected <= {each["serviceName"] for each in found[0]["processes"].values()}

        await until_async(is_whole, 120, "the trace has all processes that a spoken turn goes through")


async def test_what_docker_keeps_of_a_container_comes_to_loki_with_its_process_and_level(
    stack: Stack, tmp_path: Path
) -> None:
    """Podman keeps logs in another form, so this is a line as Docker writes it, and a stand-in for Loki prints it."""
    await needs("otelcol")
    kept = tmp_path / "0123" / "0123-json.log"
    kept.parent.mkdir()
    kept.write_text("")
    stack.variables["CONTAINER_LOGS"] = str(tmp_path)
    await stack.compose("up", "-d", "--force-recreate", "--no-deps", "loki", "collector", profiles=PROFILES)
    line = {"log": json.dumps(LOG_LINE) + "\n", "stream": "stderr", "time": "2026-01-02T03:04:05.700Z"}

    async def is_at_loki() -> bool:
        with kept.open("a") as file:  # again: the collector reads what is added once it has found the file
            file.write(json.dumps(line) + "\n")
        return "daredevil-reasoning" in await stack.printed_by("loki")

    await until_async(is_at_loki, 120, "the line is at Loki")
    [sent, *_] = [json.loads(each) for each in (await stack.printed_by("loki")).splitlines()]
    resource = sent["resourceLogs"][0]
    attributes = {each["key"]: each["value"] for each in resource["resource"]["attributes"]}
    assert attributes["service.name"] == {"stringValue": "daredevil-reasoning"}
    record = resource["scopeLogs"][0]["logRecords"][0]
    assert json.loads(record["body"]["stringValue"]) == LOG_LINE
    assert record["severityNumber"] == "SEVERITY_NUMBER_WARN"
    assert record["timeUnixNano"] == "1767323045678000000"
    assert [each["key"] for each in record["attributes"]] == ["trace_id"]
