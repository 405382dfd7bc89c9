"""Three NATS servers in containers: the one that leads the log is killed in the middle of a call."""

import asyncio
from typing import Any

import pytest

from contracts import events as e
from contracts.topology import VOICE
from infra.caller import place_call
from infra.log.nats_reach import connect_once
from tests.e2e.conftest import DATA
from tests.e2e.the_log import facts_of, said_more_than_once, stored_ids
from tests.stack.production.conftest import NATS
from tests.stack.production.files import ProductionFiles, log_url
from tests.stack.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(1200)]


async def leader_of_the_log(url: str) -> str:
    nc = await connect_once(url)
    try:
        info = await nc.jetstream().stream_info(VOICE)
    finally:
        await nc.close()
    assert info.config.num_replicas == len(NATS)
    assert info.cluster is not None
    return str(info.cluster.leader)


async def test_a_call_goes_on_when_the_server_that_leads_the_log_is_killed(
    production: Stack, files: ProductionFiles
) -> None:
    leader = await leader_of_the_log(await log_url(production, "nats"))
    [other, _] = [name for name in NATS if name != leader]
    url = await log_url(production, other)
    killed: list[asyncio.Task[int]] = []

    def kill(name: str, _data: dict[str, Any]) -> None:
        if name == "TurnEnded" and not killed:
            killed.append(asyncio.create_task(production.kill(leader), name=f"kill {leader}"))

    result = await place_call(
        f"http://{await production.address_of('bridge')}:8030",
        [DATA / "hello.wav", DATA / "what_time.wav"],
        token=files.token,
        on_fact=kill,
        answer_timeout_s=150,
    )

    facts = await facts_of(url, result.session_id)
    ended = [fact.event for fact in facts if isinstance(fact.event, e.TurnEnded)]
    assert "hello" in ended[0].text.lower()
    assert "time" in ended[-1].text.lower()
    heard = {fact.event.turn_id for fact in facts if isinstance(fact.event, e.PlaybackFinished)}
    assert {turn.turn_id for turn in ended} <= heard
    assert said_more_than_once(facts) == {}
    ids = await stored_ids(url, result.session_id)
    assert len(ids) == len(set(ids))
    assert await leader_of_the_log(url) in NATS  # perhaps the killed one: it is back after a second
    await production.restarted(leader, await killed[0])
