"""Traces in a real Jaeger, through a real collector: one a turn, and the way of a spoken turn on its map."""

import json
import time

import pytest

from contracts import events as e
from infra.caller import place_call
from infra.telemetry.turns import trace_id_of
from tests.e2e.conftest import DATA
from tests.e2e.the_log import facts_of
from tests.monitoring.conftest import Monitored
from tests.monitoring_tools import tool
from tests.waiting import until_async

pytestmark = [pytest.mark.monitoring, pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

VOICE_PATH = {
    ("bridge", "transcript"),
    ("transcript", "reasoning"),
    ("reasoning", "synthesis"),
    ("synthesis", "bridge"),
}
"""Who hands a spoken turn to whom."""


async def test_each_turn_is_one_trace_in_jaeger_through_every_process(monitored: Monitored) -> None:
    tool("jaeger")
    assert monitored.traces is not None
    traces = monitored.traces
    result = await place_call(monitored.system.page_url, [DATA / "hello.wav", DATA / "what_time.wav"])
    facts = [fact.event for fact in await facts_of(monitored.system.nats_url, result.session_id)]
    turns = {fact.turn_id for fact in facts if isinstance(fact, e.TurnEnded)}
    expected = {f"{trace_id_of(result.session_id, turn_id):032x}" for turn_id in (*turns, None)}
    assert len(turns) == 2

    async def found() -> set[str]:
        tags = json.dumps({"session.id": result.session_id})
        listed = await traces.get("/api/traces", service="daredevil-bridge", tags=tags, lookback="1h", limit="100")
        return {trace["traceID"] for trace in listed}

    async def are_there() -> bool:
        return await found() == expected

    async def services_of(turn_id: str | None) -> set[str]:
        [trace] = await traces.get(f"/api/traces/{trace_id_of(result.session_id, turn_id):032x}")
        return {process["serviceName"].removeprefix("daredevil-") for process in trace["processes"].values()}

    async def are_whole() -> bool:
        return all([{"bridge", "transcript", "reasoning", "synthesis"} <= await services_of(each) for each in turns])

    await until_async(are_there, 30)
    await until_async(are_whole, 30, "each process sends its spans some seconds after they have ended")
    assert await found() == expected


async def test_jaegers_map_of_services_has_the_voice_path(monitored: Monitored) -> None:
    tool("jaeger")
    assert monitored.traces is not None
    traces = monitored.traces

    async def has_the_path() -> bool:
        now_ms = str(time.time_ns() // 1_000_000)
        edges = await traces.get("/api/dependencies", endTs=now_ms, lookback="3600000")
        seen = {(edge["parent"].removeprefix("daredevil-"), edge["child"].removeprefix("daredevil-")) for edge in edges}
        return seen >= VOICE_PATH

    await until_async(has_the_path, 30)
