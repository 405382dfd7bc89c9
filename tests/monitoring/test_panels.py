"""Every query of a dashboard, an alert and a runbook has data, in a system where people talk: page, room and text."""

import asyncio
import dataclasses
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from infra.caller import ScriptedUtterance, place_call, read_wav
from tests.bridge.http.answering import streamed
from tests.bridge.livekit.guest import Guest
from tests.e2e.conftest import DATA
from tests.infra.deploy.monitoring import RUNBOOKS, queries, rules
from tests.livekit_server import LiveKitServer
from tests.monitoring.conftest import Monitored
from tests.monitoring.servers import Prometheus
from tests.speech import recorded, silence
from tests.waiting import until, until_async

pytestmark = [pytest.mark.monitoring, pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

WITHOUT_DATA = {
    "voice-agent / Engine failures a minute / A": "no engine has failed",
    "EngineFailing (warning)": "no engine has failed",
    "voice-agent / Breaks in playback, a minute / A": "no sound came late",
}
"""Queries that need what the test does not bring about; each says why it has no data."""


@asynccontextmanager
async def somebody_in_a_room(media: LiveKitServer) -> AsyncIterator[None]:
    """Somebody asks something in a room, is answered, and stays with an open microphone."""
    async with Guest.joined(media, "watched", "ada") as ada:
        await until(lambda: "listening" in ada.states, 60)
        await ada.say(recorded("hello"))
        open_microphone = asyncio.create_task(ada.say(silence(300_000)), name="an open microphone")
        try:
            await ada.hears(60)
            yield
        finally:
            open_microphone.cancel()
            await asyncio.gather(open_microphone, return_exceptions=True)


async def traffic(monitored: Monitored) -> None:
    """A call with a tool, a barge-in and a cough; a chat by text."""
    said = [
        ScriptedUtterance(read_wav(DATA / name)) for name in ("what_time.wav", "story.wav", "stop.wav", "story.wav")
    ]
    said[2] = dataclasses.replace(said[2], after_reply_ms=600)
    cough = dataclasses.replace(ScriptedUtterance(read_wav(DATA / "cough.wav")), after_reply_ms=600)
    await place_call(monitored.system.page_url, [*said, cough])
    async with httpx.AsyncClient(base_url=monitored.system.page_url, timeout=60) as http:
        await streamed(http, text="What is the largest ocean?", user_id="sam")


async def shown(prometheus: Prometheus, expression: str) -> list[dict[str, Any]]:
    """Return what Grafana would show of an expression."""
    return await prometheus.query(expression.replace("$__rate_interval", "2m").replace("$__range", "5m"))


async def test_every_query_of_every_panel_and_alert_has_data(monitored: Monitored) -> None:
    asked = dict(queries())
    for rule in rules("alert"):
        without_limit = re.sub(r" (==|>=|<|>) [\d.]+", "", rule["expr"])
        asked[f"{rule['alert']} ({rule['labels']['severity']})"] = without_limit
    missing = set(asked) - set(WITHOUT_DATA)

    async def all_have_data() -> bool:
        for place in sorted(missing):
            if await shown(monitored.prometheus, asked[place]):
                missing.discard(place)
        return not missing

    async with somebody_in_a_room(monitored.media):
        await traffic(monitored)
        try:
            await until_async(all_have_data, 60)
        except AssertionError:
            pytest.fail("no data:\n" + "\n".join(f"{place}: {asked[place]}" for place in sorted(missing)))


async def test_no_process_counts_twice(monitored: Monitored) -> None:
    """All of them push metrics to the collector, too, where traces go there."""
    uptimes = await monitored.prometheus.query("process_uptime_seconds")
    services = [each["metric"]["service_name"] for each in uptimes]
    assert len(set(services)) == len(services)
    assert {"daredevil-bridge", "daredevil-reasoning", "daredevil-persistence"} <= set(services)


async def test_queries_in_runbooks_are_understood(monitored: Monitored) -> None:
    for page in RUNBOOKS.glob("*.md"):
        for query in re.findall(r"```promql\n(.+?)```", page.read_text(), re.DOTALL):
            assert await monitored.prometheus.query(query), page.name
