"""Which agent a conversation gets."""

import httpx
import msgpack
from faststream.nats import NatsBroker

from actors.reasoning.default_agent import BUILT_IN
from contracts import events as e
from contracts.topology import chat_subject
from infra.agents.card import cards_of, put_cards
from infra.agents.loading import Agents
from infra.log.connection import connection
from tests.actors.reasoning.models import ScriptedModel
from tests.actors.running import facts_until
from tests.bridge.http.answering import reasoning
from tests.infra.agents.booking_agents import agent as booking

WANTED = {"text": "Hello.", "agent": "booking", "variables": {"restaurant": "Da Mario"}}


async def test_the_agent_that_is_asked_for_answers_and_the_log_says_so(
    http: httpx.AsyncClient, broker: NatsBroker
) -> None:
    await put_cards(broker, cards_of(Agents({"default": BUILT_IN, "booking": booking})))
    model = ScriptedModel.playing(["One."], ["Two."])
    async with reasoning(model):
        answer = (await http.post("/chat", json=WANTED)).json()
        data = msgpack.packb(WANTED)
        asked = await connection(broker).request(chat_subject("new"), data, timeout=20)
        by_request = msgpack.unpackb(asked.data)
    for session_id in (answer["session_id"], by_request["session_id"]):
        opened = (await facts_until(broker, session_id, lambda facts: len(facts) > 0))[0]
        assert isinstance(opened, e.SessionOpened)
        assert (opened.profile.agent, opened.profile.variables) == ("booking", {"restaurant": "Da Mario"})
        assert opened.profile.prompt.startswith("You take bookings for Da Mario.")


async def test_what_cannot_be_had_is_refused_before_a_session_begins(
    http: httpx.AsyncClient, broker: NatsBroker
) -> None:
    await put_cards(broker, cards_of(Agents({"booking": booking})))
    unknown = await http.post("/chat", json={"text": "Hello.", "agent": "bokking"})
    assert (unknown.status_code, unknown.json()["code"]) == (400, "unknown-agent")
    assert unknown.json()["detail"] == "there is no agent 'bokking'; there are: booking"
    wrong = await http.post("/chat", json={"text": "Hello.", "variables": {"today": "never"}})
    assert wrong.status_code == 422
    assert "built in" in wrong.json()["detail"]
