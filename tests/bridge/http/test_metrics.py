"""`/metrics` at the doors' address: open to this machine, to others with the admin key."""

import httpx
import pytest

from infra.metrics import table as t
from infra.metrics.samples import name_of, parsed
from infra.settings import Settings
from infra.telemetry.metrics import measured
from tests.actors.reasoning.models import ScriptedModel
from tests.bridge.conftest import Connect, OpenDoor
from tests.bridge.http.answering import reasoning
from tests.bridge.http.conftest import ADMIN, OpenHttp
from tests.infra.metrics.measured import read_metrics
from tests.waiting import until

FROM_ELSEWHERE = {"X-Forwarded-For": "203.0.113.7"}


async def test_this_machine_reads_what_the_process_measures(http: httpx.AsyncClient) -> None:
    async with measured("bridge", Settings()):
        answer = await http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = parsed("here", answer.text)
    memory = "here", name_of(t.MEMORY), frozenset({("service_name", "daredevil-bridge")})
    assert found[memory] > 10e6


async def test_others_need_the_admin_key(http: httpx.AsyncClient) -> None:
    refused = await http.get("/metrics", headers=FROM_ELSEWHERE)
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
    assert (await http.get("/metrics", headers=FROM_ELSEWHERE | ADMIN)).status_code == 200


async def test_without_an_admin_key_it_is_closed_to_others(open_http: OpenHttp) -> None:
    http = await open_http(admin_key="")
    assert (await http.get("/metrics")).status_code == 200
    refused = await http.get("/metrics", headers=FROM_ELSEWHERE)
    assert (refused.status_code, refused.json()["code"]) == (403, "no-admin-key")
    assert "DAREDEVIL_ADMIN_KEY" in refused.json()["detail"]


async def test_conversations_by_text_are_open_until_they_end(http: httpx.AsyncClient) -> None:
    with read_metrics() as read:
        before = read.of(t.OPEN, door="http")
        async with reasoning(ScriptedModel.playing(["Good morning."])):
            session_id = (await http.post("/chat", json={"text": "Hello."})).json()["session_id"]
            assert read.of(t.OPEN, door="http") == before + 1
            assert (await http.post(f"/sessions/{session_id}/close", headers=ADMIN)).status_code == 200
            assert read.of(t.OPEN, door="http") == before


@pytest.mark.slow
async def test_calls_of_the_page_are_open_until_they_end(open_door: OpenDoor, connect: Connect) -> None:
    door = await open_door()
    with read_metrics() as read:
        assert read.of(t.OPEN, door="websocket") == 0
        caller = await connect(door)
        await until(lambda: read.of(t.OPEN, door="websocket") == 1)
        await caller.send(type="hangup")
        await until(lambda: read.of(t.OPEN, door="websocket") == 0)
