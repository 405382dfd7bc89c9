"""A conversation by text runs again over its tape: what was read of each answer, to the microsecond."""

from collections.abc import AsyncIterator

import httpx
import pytest
from faststream.nats import NatsBroker

from bridge.http.chat.reply_stream import Delivered
from bridge.web_server import WebServer
from contracts import events as e
from contracts.topology import HTTP
from infra.log.connection import connection
from infra.log.event_log import Fact, history
from infra.replay.doors import DOOR, is_decided
from infra.replay.recorded_log import FactDifference
from infra.replay.schedule import Outcome
from infra.settings import Settings
from tests.actors.reasoning.models import WAIT, ScriptedModel
from tests.actors.running import facts_until
from tests.bridge.agent import Agent
from tests.bridge.http.answering import reasoning, sse, streamed
from tests.infra.replay.taped_doors import KeptTapes

ANSWER = ["Good ", "day, ", "nice to hear ", "you. How are ", "you?"]


@pytest.fixture
async def tapes() -> KeptTapes:
    return KeptTapes(HTTP, "http-1")


@pytest.fixture
async def http(broker: NatsBroker, tapes: KeptTapes) -> AsyncIterator[httpx.AsyncClient]:
    listener = WebServer(broker, Settings(port=0, llm="scripted:model"), page=False, tapes=tapes)
    await listener.open()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.port}", timeout=30) as client:
        yield client
    await listener.close()


async def facts_of(broker: NatsBroker, session_id: str) -> list[Fact]:
    return [fact async for fact in history(connection(broker), session_id)]


def of_door(facts: list[Fact]) -> set[int]:
    """Return the places of what the door decided: in these conversations it alone says such things."""
    return {fact.sequence for fact in facts if is_decided(fact.event)}


def changed(outcome: Outcome) -> list[str]:
    found = []
    for difference in outcome.differences:
        assert isinstance(difference.what, FactDifference), difference.what
        then = difference.what.then
        fields = [field.path for field in difference.what.fields]
        found.append(f"{type(then.event if then else None).__name__} {difference.what.change} {fields}")
    return found


async def test_answers_that_were_read_to_their_end_come_out_as_they_were(
    http: httpx.AsyncClient, broker: NatsBroker, tapes: KeptTapes
) -> None:
    async with reasoning(ScriptedModel.playing(ANSWER)):
        told = (await http.post("/chat", json={"text": "Hello there."})).json()
        more = {name: told[name] for name in ("session_id", "resume_token")}
        stream = await streamed(http, text="And once more.", **more)
        assert stream.names[-1] == "done"
    facts = await facts_of(broker, told["session_id"])
    outcome = await tapes.replayed(told["session_id"], facts, DOOR)
    assert changed(outcome) == []
    assert outcome.errors == []
    assert len(of_door(facts)) == 6
    assert outcome.same == of_door(facts)


async def cut_off(http: httpx.AsyncClient, broker: NatsBroker) -> str:
    """Read a few words of an answer and go away; return the session."""
    async with reasoning(ScriptedModel.playing(["Good day, nice to hear you. ", WAIT, "Never said. "])):
        session_id = ""
        async with http.stream(
            "POST", "/chat", json={"text": "Hello."}, headers={"Accept": "text/event-stream"}
        ) as answer:
            async for name, data in sse(answer):
                session_id = data.get("session_id", session_id)
                if name == "clause":
                    break
        await facts_until(
            broker, session_id, lambda facts: any(isinstance(fact, e.PlaybackInterrupted) for fact in facts)
        )
    return session_id


async def test_what_was_read_of_an_answer_that_was_cut_off(
    http: httpx.AsyncClient, broker: NatsBroker, tapes: KeptTapes, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = await cut_off(http, broker)
    facts = await facts_of(broker, session_id)
    [cut] = [fact.event for fact in facts if isinstance(fact.event, e.PlaybackInterrupted)]
    assert cut.heard_text
    outcome = await tapes.replayed(session_id, facts, DOOR)
    assert changed(outcome) == []
    assert outcome.same == of_door(facts)
    monkeypatch.setattr(Delivered, "text", lambda self, written: "")
    different = await tapes.replayed(session_id, facts, DOOR)
    assert changed(different) == ["PlaybackInterrupted differs ['heard_text']"]


async def test_an_answer_that_no_door_ended_is_settled_alike(
    http: httpx.AsyncClient, broker: NatsBroker, tapes: KeptTapes
) -> None:
    async with reasoning(ScriptedModel.playing(ANSWER)):
        told = (await http.post("/chat", json={"text": "Hello there."})).json()
        more = {name: told[name] for name in ("session_id", "resume_token")}
        started = {"reply_id": "r-dead", "turn_id": "turn-dead", "draft": False, "text": "x"}
        await Agent(broker).append(e.ReplyStarted, told["session_id"], **started)
        assert (await http.post("/chat", json={"text": "And once more.", **more})).status_code == 200
    facts = await facts_of(broker, told["session_id"])
    settled = [fact.event for fact in facts if getattr(fact.event, "reply_id", "") == "r-dead"]
    assert [type(event) for event in settled] == [e.ReplyStarted, e.TurnInterrupted, e.PlaybackInterrupted]
    outcome = await tapes.replayed(told["session_id"], facts, DOOR)
    assert changed(outcome) == []
    assert outcome.same == of_door(facts)
