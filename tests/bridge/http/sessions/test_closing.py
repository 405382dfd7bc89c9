"""`POST /sessions/{id}/close`: a session is ended from outside, at whichever door it is."""

import httpx
import pytest
from faststream.nats import NatsBroker

from bridge.web_server import WebServer
from contracts import events as e
from infra.log.event_log import facts_after
from tests.actors.reasoning.models import WAIT, ScriptedModel
from tests.bridge.agent import Agent
from tests.bridge.caller import Caller, wait_for
from tests.bridge.conftest import Connect, OpenDoor
from tests.bridge.http.answering import reasoning
from tests.bridge.http.conftest import ADMIN, OpenHttp

PROFILE = {"prompt": "", "llm": "scripted:model", "stt": "local", "tts": "local"}


async def names_of(broker: NatsBroker, session_id: str) -> list[str]:
    return [type(fact.event).__name__ for fact in await facts_after(broker, session_id)]


async def close(http: httpx.AsyncClient, session_id: str, key: str = "") -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else ADMIN
    return await http.post(f"/sessions/{session_id}/close", headers=headers)


async def test_who_has_its_secret_ends_a_conversation_once(http: httpx.AsyncClient, broker: NatsBroker) -> None:
    async with reasoning(ScriptedModel.playing(["Yes."])):
        told = (await http.post("/chat", json={"text": "Hello."})).json()
    assert (await close(http, told["session_id"], "x" * 32)).status_code == 401
    first = await close(http, told["session_id"], told["resume_token"])
    assert first.status_code == 200, first.text
    assert first.json()["close_reason"] == "hangup"
    assert (await close(http, told["session_id"])).json() == first.json()
    names = await names_of(broker, told["session_id"])
    assert names[-2:] == ["ParticipantLeft", "SessionClosed"]
    assert names.count("SessionClosed") == 1
    session = {name: told[name] for name in ("session_id", "resume_token")}
    again = await http.post("/chat", json={"text": "Still there?"} | session)
    assert (again.status_code, again.json()["code"]) == (409, "session-closed")


async def test_one_of_another_process_is_ended_too_even_while_it_is_answered(
    http: httpx.AsyncClient, open_http: OpenHttp, broker: NatsBroker
) -> None:
    other = await open_http()
    async with reasoning(ScriptedModel.playing(["Good day, ", "nice to ", WAIT])):
        headers = {"Accept": "text/event-stream"}
        async with http.stream("POST", "/chat", json={"text": "Hello."}, headers=headers) as answer:
            lines = answer.aiter_lines()
            while "token" not in (await anext(lines)):
                pass
            session_id = (await other.get("/sessions", headers=ADMIN)).json()["sessions"][0]["session_id"]
            assert (await close(other, session_id)).status_code == 200
            rest = [line async for line in lines]
    assert any("session-closed" in line or "superseded" in line for line in rest)
    assert "SessionClosed" in await names_of(broker, session_id)


async def test_a_call_is_hung_up_and_its_caller_told(
    http: httpx.AsyncClient, open_door: OpenDoor, connect: Connect, broker: NatsBroker
) -> None:
    door: WebServer = await open_door()
    caller: Caller = await connect(door)
    answer = await close(http, caller.session_id)
    assert answer.status_code == 200, answer.text
    await wait_for(lambda: caller.close_code is not None)
    assert caller.close_code == 1000
    names = await names_of(broker, caller.session_id)
    assert names[-3:] == ["TrackUnpublished", "ParticipantLeft", "SessionClosed"]


async def test_one_that_nobody_holds_is_ended(http: httpx.AsyncClient, broker: NatsBroker) -> None:
    agent = Agent(broker)
    await agent.append(e.SessionOpened, "left", door="livekit", user_id="sam", profile=PROFILE)
    await agent.append(e.ParticipantJoined, "left", participant_id="sam", kind="person", name="Sam")
    await agent.append(e.TrackPublished, "left", track_id="t", participant_id="sam")
    assert (await close(http, "left")).json()["close_reason"] == "hangup"
    assert (await names_of(broker, "left"))[-3:] == ["TrackUnpublished", "ParticipantLeft", "SessionClosed"]


@pytest.mark.parametrize("session_id", ["never-was", "x" * 65])
async def test_one_that_there_is_not_is_said(http: httpx.AsyncClient, session_id: str) -> None:
    assert (await close(http, session_id)).status_code in (404, 422)
