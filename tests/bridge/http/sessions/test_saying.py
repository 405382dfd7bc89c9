"""`POST /sessions/{id}/say`: the agent says something by itself."""

import httpx
import pytest
from faststream.nats import NatsBroker

from actors.reasoning.remarks import take_requests
from contracts import events as e
from infra.log.event_log import append, facts_after
from tests.actors.reasoning.facts import SESSION, fact, opened
from tests.bridge.http.conftest import ADMIN


async def test_what_the_operator_asks_for_is_stored(http: httpx.AsyncClient, broker: NatsBroker) -> None:
    await append(broker, opened())
    async with take_requests(broker, 1_000):
        answers = [
            await http.post(f"/sessions/{SESSION}/say", json={"text": "Hold on.", "id": "r1"}, headers=ADMIN)
            for _ in range(2)
        ]
    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    stored = [each.event for each in await facts_after(broker, SESSION) if isinstance(each.event, e.RemarkRequested)]
    assert [(each.text, each.requested_by) for each in stored] == [("Hold on.", "http")]
    assert answers[0].json() == answers[1].json() == {"event_id": stored[0].event_id}


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [("...", 422, "bad-request"), ("Hello. " * 99, 413, "text-too-long"), ("Hello.", 409, "session-closed")],
)
async def test_what_cannot_be_said_is_a_problem(
    http: httpx.AsyncClient, broker: NatsBroker, text: str, status: int, code: str
) -> None:
    await append(broker, opened())
    if code == "session-closed":
        await append(broker, fact(e.SessionClosed, "close", reason="hangup"))
    async with take_requests(broker, 100):
        answer = await http.post(f"/sessions/{SESSION}/say", json={"text": text}, headers=ADMIN)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_nobody_but_its_user_and_the_operator_may_ask(http: httpx.AsyncClient, broker: NatsBroker) -> None:
    await append(broker, opened())
    answer = await http.post(f"/sessions/{SESSION}/say", json={"text": "Hello."})
    assert answer.status_code == 401
