"""A service that dies is an alert on NATS: real Prometheus, real Alertmanager, and a door that publishes it."""

import asyncio
import json
from typing import Any

import pytest

from tests.e2e.the_document import Document
from tests.monitoring.conftest import Monitored
from tests.monitoring.servers import Prometheus
from tests.waiting import until, until_async

pytestmark = [pytest.mark.monitoring, pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]


async def calm(prometheus: Prometheus, expression: str) -> bool:
    return not await prometheus.query(expression)


async def test_a_service_that_is_killed_again_and_again_is_an_alert_on_nats_and_then_over(monitored: Monitored) -> None:
    system, name = monitored.system, "reasoning"

    def told(status: str) -> list[dict[str, Any]]:
        messages = [json.loads(each.data) for each in monitored.alerts if each.subject == "alert.critical.ServiceDown"]
        mine = [each for each in messages if each["labels"] == {"service_name": f"daredevil-{name}"}]
        return [each for each in mine if each["status"] == status]

    async def killing() -> None:
        pid = system.kill(name)
        while True:
            pid = await system.restarted(name, pid)
            system.kill(name)

    firing = 'ALERTS{alertname="ServiceDown", alertstate="firing"}'
    await until_async(lambda: calm(monitored.prometheus, firing), 60)
    monitored.alerts.clear()
    killer = asyncio.create_task(killing(), name="killing")
    try:
        await until(lambda: told("firing") or killer.done(), 60)
    finally:
        killer.cancel()
        await asyncio.gather(killer, return_exceptions=True)
    alert = told("firing")[0]
    assert alert["summary"] == "daredevil-reasoning is down"
    assert alert["runbook_url"] == "docs/runbooks/ServiceDown.md"
    document = Document()
    assert {document.problem("Alert", {}, message.data) for message in monitored.alerts} == {""}
    await until(lambda: told("resolved"), 60)
