"""`POST /alerts`: what Alertmanager sends is on NATS as the document says; others, and rubbish, are refused."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import nats
import pytest
from nats.aio.msg import Msg

from tests.bridge.http.conftest import ADMIN, OpenHttp
from tests.e2e.the_document import Document
from tests.servers import NatsServer
from tests.waiting import until, until_async

ALERTS = {"Authorization": "Bearer a-key-for-alertmanager"}
FIRING = {
    "status": "firing",
    "labels": {"alertname": "ServiceDown", "severity": "critical", "service_name": "daredevil-reasoning"},
    "annotations": {"summary": "daredevil-reasoning is down", "runbook_url": "https://example.org/ServiceDown.md"},
    "startsAt": "2026-11-22T19:30:15.123456789+01:00",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus:9090/graph",
    "fingerprint": "c3d4",
}


def notification(*alerts: dict[str, Any]) -> dict[str, Any]:
    """As Alertmanager writes it."""
    return {"version": "4", "groupKey": "{}", "status": "firing", "receiver": "nats", "alerts": list(alerts)}


@pytest.fixture
async def heard(nats_server: NatsServer) -> AsyncIterator[list[Msg]]:
    messages: list[Msg] = []

    async def hear(message: Msg) -> None:
        messages.append(message)

    nc = await nats.connect(nats_server.url)
    await nc.subscribe("alert.>", cb=hear)
    await nc.flush()
    yield messages
    await nc.close()


async def test_each_alert_is_published_as_the_document_says(open_http: OpenHttp, heard: list[Msg]) -> None:
    http = await open_http(alerts_key="a-key-for-alertmanager")
    over = FIRING | {"status": "resolved", "endsAt": "2026-11-22T18:31:00Z"}
    slow = FIRING | {"labels": {"alertname": "HighLatency", "severity": "warning", "door": "http"}, "annotations": {}}
    answer = await http.post("/alerts", json=notification(FIRING, over, slow), headers=ALERTS)
    assert (answer.status_code, answer.json()) == (200, {"published": 3})
    await until(lambda: len(heard) == 3)
    assert [message.subject for message in heard] == [
        "alert.critical.ServiceDown",
        "alert.critical.ServiceDown",
        "alert.warning.HighLatency",
    ]
    assert [Document().problem("Alert", {}, message.data) for message in heard] == ["", "", ""]
    assert json.loads(heard[0].data) == {
        "severity": "critical",
        "name": "ServiceDown",
        "status": "firing",
        "started_at": "2026-11-22T18:30:15.123Z",
        "summary": "daredevil-reasoning is down",
        "runbook_url": "https://example.org/ServiceDown.md",
        "labels": {"service_name": "daredevil-reasoning"},
    }
    assert json.loads(heard[1].data)["ended_at"] == "2026-11-22T18:31:00.000Z"
    assert json.loads(heard[2].data)["labels"] == {"door": "http"}


async def test_labels_that_could_say_who_somebody_is_are_not_passed_on(
    http: httpx.AsyncClient, heard: list[Msg]
) -> None:
    labels = FIRING["labels"] | {"user_id": "sam", "session_id": "s-1", "participant": "Sam", "instance": "10.0.0.5:1"}  # type: ignore[operator]
    await http.post("/alerts", json=notification(FIRING | {"labels": labels}), headers=ADMIN)
    await until(lambda: heard)
    assert json.loads(heard[0].data)["labels"] == {"service_name": "daredevil-reasoning", "instance": "10.0.0.5:1"}
    assert b"sam" not in heard[0].data.lower()


async def test_long_texts_are_cut_rather_than_refused(http: httpx.AsyncClient, heard: list[Msg]) -> None:
    told = {"annotations": {"summary": "é" * 5_000}}
    assert (await http.post("/alerts", json=notification(FIRING | told), headers=ADMIN)).status_code == 200
    await until(lambda: heard)
    assert json.loads(heard[0].data)["summary"] == "é" * 1_000


@pytest.mark.parametrize(
    ("keys", "given", "status", "code"),
    [
        ({}, {}, 403, "no-alerts-key"),
        ({}, ALERTS, 403, "no-alerts-key"),
        ({"admin_key": "the-operators-key"}, {}, 401, "unauthorized"),
        ({"admin_key": "the-operators-key"}, ALERTS, 401, "unauthorized"),
        ({"alerts_key": "a-key-for-alertmanager"}, {}, 401, "unauthorized"),
        ({"alerts_key": "a-key-for-alertmanager", "admin_key": "x" * 20}, {"Authorization": "Bearer wrong"}, 401, ""),
        ({"alerts_key": "a-key-for-alertmanager"}, ALERTS, 200, ""),
        ({"alerts_key": "a-key-for-alertmanager", "admin_key": "op"}, {"Authorization": "Bearer op"}, 200, ""),
        ({"admin_key": "op"}, {"Authorization": "Bearer op"}, 200, ""),
    ],
)
async def test_only_alertmanager_and_the_operator_may_post(
    open_http: OpenHttp, keys: dict[str, str], given: dict[str, str], status: int, code: str
) -> None:
    http = await open_http(**({"admin_key": "", "alerts_key": ""} | keys))
    answer = await http.post("/alerts", json=notification(FIRING), headers=given)
    assert answer.status_code == status, answer.text
    assert answer.json().get("code", "") == code or not code


@pytest.mark.slow
@pytest.mark.parametrize("keys", [{"admin_key": "op"}, {"admin_key": "op", "alerts_key": "a-key-for-alertmanager"}])
async def test_neither_key_can_be_found_by_trying(open_http: OpenHttp, keys: dict[str, str]) -> None:
    http = await open_http(**keys)
    statuses = [
        (await http.post("/alerts", json={}, headers={"Authorization": f"Bearer {n}"})).status_code for n in range(40)
    ]
    assert statuses[0] == 401
    assert statuses[-1] == 429


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 400, "the body is empty"),
        (b"{", 400, "the body is no JSON"),
        (b"[]", 422, "an object is wanted"),
        (b"{}", 422, "alerts: it is missing"),
        (b'{"alerts": {}}', 422, "alerts: a list is wanted"),
        (b'{"alerts": [7]}', 422, "alerts.0: an object is wanted"),
    ],
)
async def test_what_alertmanager_would_not_send_is_refused(
    http: httpx.AsyncClient, heard: list[Msg], body: bytes, status: int, said: str
) -> None:
    answer = await http.post("/alerts", content=body, headers={**ADMIN, "Content-Type": "application/json"})
    assert answer.status_code == status
    assert said in answer.json()["detail"]
    assert not heard


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": "maybe"}, "alerts.1.status: 'firing' or 'resolved' is wanted"),
        ({"startsAt": "yesterday"}, "alerts.1.startsAt: an ISO 8601 time is wanted"),
        ({"labels": {"severity": 7}}, "alerts.1.labels.severity: a text is wanted"),
    ],
)
async def test_nothing_is_published_of_what_is_no_notification(
    http: httpx.AsyncClient, heard: list[Msg], change: dict[str, Any], said: str
) -> None:
    answer = await http.post("/alerts", json=notification(FIRING, FIRING | change), headers=ADMIN)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert not heard


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"alertname": "ServiceDown"}, "alerts.1.labels.severity: it is missing, such as `warning`"),
        ({"severity": "critical"}, "alerts.1.labels.alertname: it is missing, such as `HighLatency`"),
        ({"severity": "critical", "alertname": "Service.Down"}, "alerts.1.labels.alertname: up to 64"),
        ({"severity": "critical", "alertname": "Disk is full"}, "alerts.1.labels.alertname: up to 64"),
        ({"severity": ">", "alertname": "ServiceDown"}, "alerts.1.labels.severity: up to 64 letters"),
        ({"severity": "a\n", "alertname": "ServiceDown"}, "alerts.1.labels.severity: up to 64"),
    ],
)
async def test_an_alert_that_cannot_be_a_subject_is_refused_by_its_place_and_the_others_are_published(
    http: httpx.AsyncClient, heard: list[Msg], labels: dict[str, str], said: str
) -> None:
    answer = await http.post("/alerts", json=notification(FIRING, FIRING | {"labels": labels}, FIRING), headers=ADMIN)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert answer.json()["detail"].endswith("; alerts of this notification that are published: 2")
    await until(lambda: len(heard) == 2)


@pytest.mark.slow
async def test_while_nats_is_away_alertmanager_is_asked_to_send_it_again(
    http: httpx.AsyncClient, nats_server: NatsServer, heard: list[Msg]
) -> None:
    await nats_server.stop()

    async def posted() -> int:
        return (await http.post("/alerts", json=notification(FIRING), headers=ADMIN)).status_code

    async def arrived() -> bool:
        return await posted() == 200 and bool(heard)

    assert await posted() == 503
    await nats_server.start()
    await until_async(arrived, 20)
