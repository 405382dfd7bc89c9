"""The profiles `rooms` and `observability` beside `core`: a call in a LiveKit room; Prometheus sees every process."""

import asyncio

import httpx
import pytest

from contracts import events as e
from infra.caller import CallFailed, CallResult, ScriptedUtterance, read_wav
from infra.caller.room import Admission, minted, place_room_call
from infra.settings import Settings
from infra.settings import settings as current_settings
from tests.e2e.conftest import DATA
from tests.e2e.the_log import facts_of, said_more_than_once
from tests.stack.stack import COMPOSE, OURS, PAUSE_S, Stack
from tests.waiting import until_async

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(600)]

DEVELOPMENT_SECRET = "development-only-0123456789abcdef0123"
"""Of compose.override.yaml."""


async def called_when_it_takes_rooms(admission: Admission) -> CallResult:
    """Call; again while LiveKit refuses: some seconds after its start it finds no node, not even itself, for a room."""
    results: list[CallResult] = []

    async def is_called() -> bool:
        hello = ScriptedUtterance(read_wav(DATA / "hello.wav"))
        try:
            results.append(await place_room_call(admission, [hello], answer_timeout_s=120, agent_timeout_s=90))
        except CallFailed as failed:
            if "cannot be joined" not in str(failed):
                raise
            await asyncio.sleep(PAUSE_S)
            return False
        return True

    await until_async(is_called, 60, "LiveKit takes rooms")
    return results[0]


async def test_a_caller_in_a_room_is_answered(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    assert DEVELOPMENT_SECRET in (COMPOSE / "compose.override.yaml").read_text()
    rooms = ("redis", "livekit", "bridge-livekit")
    await stack.up(*rooms, profiles=("core", "rooms"))
    monkeypatch.setenv("DAREDEVIL_NATS_URL", stack.nats_url)
    current_settings.cache_clear()
    try:
        settings = Settings(
            livekit_url=f"ws://127.0.0.1:{stack.ports['LIVEKIT_PORT']}",
            livekit_api_key="daredevil",
            livekit_api_secret=DEVELOPMENT_SECRET,
        )
        result = await called_when_it_takes_rooms(minted(settings, "stack", "caller"))
    finally:
        current_settings.cache_clear()
    [turn] = result.turns
    assert "hello" in turn.text.lower()
    assert turn.heard_text
    facts = await facts_of(stack.nats_url, result.session_id)
    assert any(isinstance(fact.event, e.PlaybackFinished) for fact in facts)
    assert said_more_than_once(facts) == {}


async def test_prometheus_scrapes_every_process_and_alertmanager_takes_its_alerts(stack: Stack) -> None:
    await stack.up("prometheus", "alertmanager", profiles=("core", "rooms", "observability"))
    expected = {f"daredevil-{name}" for name in OURS if name != "llm"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{stack.ports['PROMETHEUS_PORT']}", timeout=20) as http:

        async def all_scraped() -> bool:
            answer = (await http.get("/api/v1/query", params={"query": 'up{job="daredevil"} == 1'})).json()
            return expected <= {series["metric"]["service_name"] for series in answer["data"]["result"]}

        async def alertmanager_is_known() -> bool:
            return bool((await http.get("/api/v1/alertmanagers")).json()["data"]["activeAlertmanagers"])

        await until_async(all_scraped, 90, "all processes are scraped")
        await until_async(alertmanager_is_known, 60, "Prometheus knows Alertmanager")
