"""`/sessions/{id}/facts`: everything that happened, page by page, or as it happens."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from faststream.nats import NatsBroker

from bridge.http.sessions.facts import StreamEnd
from contracts import events as e
from infra.log.event_log import facts_after
from tests.bridge.agent import Agent
from tests.bridge.http.conftest import ADMIN
from tests.servers import NatsServer

PROFILE = {"prompt": "", "llm": "local", "stt": "local", "tts": "local"}
STREAM = ADMIN | {"Accept": "text/event-stream"}


@pytest.fixture
async def agent(broker: NatsBroker) -> Agent:
    """One who has said seven facts of the session `call`, and some of another."""
    agent = Agent(broker)
    for session_id in ("call", "other"):
        await agent.append(e.SessionOpened, session_id, door="http", user_id="sam", profile=PROFILE)
    for n in range(6):
        await turn(agent, n)
    return agent


async def turn(agent: Agent, n: int) -> None:
    await agent.append(
        e.TurnEnded, "call", turn_id=f"t-{n}", participant_id="caller", text=f"Hello {n}.", source="text"
    )


async def stream(answer: httpx.Response) -> AsyncIterator[tuple[int, str]]:
    """Yield id and name of each fact."""
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        fields[name] = value
        if not line and "data" in fields:
            data = json.loads(fields["data"])
            assert fields["event"] == "fact"
            assert int(fields["id"]) == data["sequence"]
            yield data["sequence"], data["name"]
            fields = {}


async def test_pages_follow_each_other_as_the_log_has_them(
    http: httpx.AsyncClient, agent: Agent, broker: NatsBroker
) -> None:
    found: list[tuple[int, str, object]] = []
    after = "0"
    while after:
        params = {"after": after, "limit": "3"}
        page = (await http.get("/sessions/call/facts", params=params, headers=ADMIN)).json()
        assert len(page["facts"]) <= 3
        found += [(fact["sequence"], fact["name"], fact["data"]["event_id"]) for fact in page["facts"]]
        after = page["next"]
    logged = await facts_after(broker, "call")
    assert found == [(fact.sequence, type(fact.event).__name__, fact.event.event_id) for fact in logged]
    assert len(found) == 7


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "limit=1001", "after=1e3"])
async def test_places_that_are_none_are_refused(http: httpx.AsyncClient, agent: Agent, query: str) -> None:
    answer = await http.get(f"/sessions/call/facts?{query}", headers=ADMIN)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad-request")
    answer = await http.get("/sessions/call/facts", headers=STREAM | {"Last-Event-ID": query})
    assert answer.status_code == 422


async def test_facts_come_as_they_are_stored_and_go_on_where_a_stream_broke_off(
    http: httpx.AsyncClient, agent: Agent
) -> None:
    seen: list[int] = []
    async with http.stream("GET", "/sessions/call/facts", headers=STREAM) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for sequence, _ in stream(answer):
            seen.append(sequence)
            if len(seen) == 7:
                await turn(agent, 7)
            if len(seen) == 8:
                break
    await turn(agent, 8)
    async with http.stream("GET", "/sessions/call/facts", headers=STREAM | {"Last-Event-ID": str(seen[4])}) as answer:
        again = []
        async for sequence, _ in stream(answer):
            again.append(sequence)
            if len(again) == 4:
                break
    assert again[:3] == seen[5:]
    assert again[3] > seen[-1]


async def test_a_stream_outlives_the_log(http: httpx.AsyncClient, agent: Agent, nats_server: NatsServer) -> None:
    async with asyncio.timeout(60), http.stream("GET", "/sessions/call/facts", headers=STREAM) as answer:
        facts = stream(answer)
        for _ in range(7):
            await anext(facts)
        await nats_server.stop()
        await nats_server.start()
        saying = asyncio.create_task(turn(agent, 9))
        assert (await anext(facts))[1] == "TurnEnded"
        await saying


async def test_a_head_of_a_stream_has_its_end(http: httpx.AsyncClient, agent: Agent) -> None:
    answer = await http.head("/sessions/call/facts", headers=STREAM)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert (await http.get("/sessions/never/facts", headers=STREAM)).status_code == 404


async def ended(http: httpx.AsyncClient, after: str = "0") -> list[tuple[str, str]]:
    """Return name and data of the events of a stream that ends by itself."""
    async with (
        asyncio.timeout(30),
        http.stream("GET", "/sessions/call/facts", headers=STREAM | {"Last-Event-ID": after}) as answer,
    ):
        lines = [line async for line in answer.aiter_lines()]
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    return list(zip(names, [line.removeprefix("data: ") for line in lines if line.startswith("data: ")], strict=True))


async def test_a_stream_ends_when_the_session_is_closed_and_summed_up(http: httpx.AsyncClient, agent: Agent) -> None:
    reading = asyncio.create_task(ended(http))
    await agent.append(e.SessionClosed, "call", reason="hangup")
    await turn(agent, 7)  # what is still on its way is told
    await agent.append(e.SummaryWritten, "call", summary="Hello.", turns=7, model="m")
    *facts, last = await reading
    assert [name for name, _ in facts] == ["fact"] * 10
    assert (last[0], json.loads(last[1])) == ("end", {"session_id": "call", "reason": "closed"})
    # Whoever comes back behind its last fact is told at once, too.
    assert [name for name, _ in await ended(http, "999999")] == ["end"]


async def test_a_stream_of_a_closed_session_does_not_wait_for_ever_for_a_summary(
    http: httpx.AsyncClient, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.http.sessions.facts.SUMMARY_PATIENCE_S", 0.2)
    await agent.append(e.SessionClosed, "call", reason="hangup")
    assert (await ended(http))[-1][0] == "end"


def test_an_erased_session_has_no_more_to_come() -> None:
    end = StreamEnd("call")
    assert end.reason(10) == ""
    end.take(e.SessionClosed(event_id="c", session_id="call", time_ns=10, reason="hangup"))
    assert end.reason(11) == ""
    assert end.reason(10 + 61 * 10**9) == "closed"
    end.is_erased = True
    assert end.reason(11) == "erased"


async def test_a_session_with_a_fact_of_a_newer_version_is_not_shown_without_it(
    http: httpx.AsyncClient, agent: Agent
) -> None:
    newer = {"schema_version": e.TurnEnded.SCHEMA_VERSION + 1, "participant_id": "caller", "text": "Hello."}
    await agent.append(e.TurnEnded, "call", **newer)
    for path in ("/sessions/call/facts", "/sessions/call"):
        answer = await http.get(path, headers=ADMIN)
        assert (answer.status_code, answer.json()["code"]) == (503, "not-available")
        assert "schema version 3, this program knows 2: install the newer program" in answer.json()["detail"]
    listed = await http.get("/sessions", headers=ADMIN)
    assert listed.status_code == 200
