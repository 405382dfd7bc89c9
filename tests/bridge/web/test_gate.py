"""Who a client is at the doors, and whose sessions it may enter."""

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import msgpack
import pytest
from faststream.nats import NatsBroker
from websockets.asyncio.client import connect

from bridge.web_server import WebServer
from contracts import events as e
from contracts.topology import chat_subject
from infra.caller import CallFailed, place_call
from infra.log.connection import connection
from infra.log.event_log import facts_after
from infra.settings import Settings
from tests.actors.reasoning.models import ScriptedModel
from tests.bridge.http.answering import reasoning
from tests.bridge.web.tokens import SECRET, token

OpenSite = Callable[..., Awaitable[httpx.AsyncClient]]
PROXIED = {"X-Forwarded-For": "198.51.100.1"}


@pytest.fixture
async def open_site(broker: NatsBroker) -> AsyncIterator[OpenSite]:
    """Opens a page with its doors, and returns a client of it."""
    async with AsyncExitStack() as stack:

        async def open_site(**changes: object) -> httpx.AsyncClient:
            listener = WebServer(broker, Settings.model_validate({"port": 0, "llm": "scripted:model"} | changes))
            await listener.open()
            stack.push_async_callback(listener.close)
            client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.port}", timeout=20)
            return await stack.enter_async_context(client)

        yield open_site


def bearer(given: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {given}"}


async def hello(http: httpx.AsyncClient, query: str = "", headers: dict[str, str] | None = None, **fields: Any) -> Any:
    """Greet the WebSocket door; return its answer, and the close code if it closed then."""
    url = str(http.base_url.copy_with(scheme="ws", path="/ws")) + query
    async with connect(url, additional_headers=headers) as socket:
        await socket.send(json.dumps({"type": "hello", "mic": False, **fields}))
        answer = json.loads(await socket.recv())
        if answer["type"] == "error":
            await socket.wait_closed()
            return {**answer, "close_code": socket.close_code}
        await socket.send(json.dumps({"type": "hangup"}))
        return answer


async def user_of(broker: NatsBroker, session_id: str) -> str:
    facts = await facts_after(broker, session_id)
    return next(fact.event.user_id for fact in facts if isinstance(fact.event, e.SessionOpened))


async def said(http: httpx.AsyncClient, headers: dict[str, str] | None = None, **turn: str) -> httpx.Response:
    async with reasoning(ScriptedModel.playing(["Yes."])):
        return await http.post("/chat", json={"text": "Hello.", **turn}, headers=headers)


async def test_without_tokens_only_this_machine_is_believed(open_site: OpenSite, broker: NatsBroker) -> None:
    http = await open_site()
    for headers, user in (({}, "sam"), (PROXIED, "anonymous"), ({"Host": "evil.example"}, "anonymous")):
        answer = (await said(http, headers, user_id="sam")).json()
        assert await user_of(broker, answer["session_id"]) == user
    welcome = await hello(http, user_id="sam")
    assert await user_of(broker, welcome["session_id"]) == "sam"
    welcome = await hello(http, headers=PROXIED, user_id="sam")
    assert await user_of(broker, welcome["session_id"]) == "anonymous"


async def test_everyone_is_believed_where_that_is_set(open_site: OpenSite, broker: NatsBroker) -> None:
    http = await open_site(trust_user_ids="everyone")
    answer = (await said(http, PROXIED, user_id="sam")).json()
    assert await user_of(broker, answer["session_id"]) == "sam"


async def test_with_tokens_the_user_is_theirs_whatever_is_claimed(open_site: OpenSite, broker: NatsBroker) -> None:
    http = await open_site(auth=SECRET)
    answer = (await said(http, bearer(token("sam")), user_id="eve")).json()
    assert await user_of(broker, answer["session_id"]) == "sam"
    greetings: list[dict[str, Any]] = [
        {"token": token("sam"), "user_id": "eve"},
        {"query": f"?token={token('sam')}"},
        {"headers": bearer(token("sam"))},
    ]
    for greeting in greetings:
        welcome = await hello(http, **greeting)
        assert await user_of(broker, welcome["session_id"]) == "sam"


async def test_with_tokens_nobody_comes_in_without_one(open_site: OpenSite) -> None:
    http = await open_site(auth=SECRET)
    for headers in ({}, bearer("wrong"), bearer(token("sam", key="x" * 40)), {"Authorization": token("sam")}):
        answer = await http.post("/chat", json={"text": "Hello."}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"
        refused = await hello(http, headers=headers)
        assert (refused["code"], refused["close_code"]) == ("unauthorized", 4401)
    expired = await http.post("/chat", json={"text": "Hello."}, headers=bearer(token("sam", exp=1)))
    assert "it has expired" in expired.json()["detail"]
    # A token in the address of a POST would be one that another site can make a browser send.
    assert (await http.post(f"/chat?token={token('sam')}", json={"text": "Hello."})).status_code == 401


async def test_with_tokens_a_session_is_its_users(open_site: OpenSite) -> None:
    http = await open_site(auth=SECRET)
    async with reasoning(ScriptedModel.playing(["One."], ["Two."])):
        first = (await http.post("/chat", json={"text": "1"}, headers=bearer(token("sam")))).json()
        turn = {"text": "2", "session_id": first["session_id"], "resume_token": first["resume_token"]}
        stolen = await http.post("/chat", json=turn, headers=bearer(token("eve")))
        assert (stolen.status_code, stolen.json()["code"]) == (404, "session-unknown")
        del turn["resume_token"]
        assert (await http.post("/chat", json=turn, headers=bearer(token("sam")))).json()["text"] == "Two."
    path = f"/sessions/{first['session_id']}/transcript"
    assert (await http.get(path, headers=bearer(token("sam")))).json()["user_id"] == "sam"
    assert (await http.get(path, params={"token": token("sam")})).status_code == 200
    assert (await http.get(path, headers=bearer(token("eve")))).json()["code"] == "session-unknown"
    assert (await http.get(path, headers=bearer(first["resume_token"]))).status_code == 401
    mine = (await http.get("/sessions", headers=bearer(token("sam")))).json()["sessions"]
    assert [session["session_id"] for session in mine] == [first["session_id"]]
    assert (await http.get("/sessions?user_id=sam", headers=bearer(token("eve")))).json()["sessions"] == []


async def test_with_tokens_a_call_is_gone_on_with_by_its_user_alone(open_site: OpenSite) -> None:
    http = await open_site(auth=SECRET)
    url = str(http.base_url.copy_with(scheme="ws", path="/ws"))
    async with connect(url) as socket:
        await socket.send(json.dumps({"type": "hello", "mic": False, "token": token("sam")}))
        welcome = json.loads(await socket.recv())
        session = {"session_id": welcome["session_id"], "resume_token": welcome["resume_token"]}
        stolen = await hello(http, token=token("eve"), **session)
        assert (stolen["code"], stolen["close_code"]) == ("resume-refused", 4403)
        resumed = await hello(http, token=token("sam"), session_id=welcome["session_id"])
        assert (resumed["type"], resumed["resumed"]) == ("welcome", True)


async def test_a_caller_shows_its_token_or_is_told_why_it_is_refused(open_site: OpenSite) -> None:
    http = await open_site(auth=SECRET)
    with pytest.raises(CallFailed, match="it has expired"):
        await place_call(str(http.base_url), [], token=token("sam", exp=1))
    result = await place_call(str(http.base_url), [], token=token("sam"))
    mine = (await http.get("/sessions", headers=bearer(token("sam")))).json()["sessions"]
    assert [session["session_id"] for session in mine] == [result.session_id]


async def test_the_operator_may_do_it_for_users(open_site: OpenSite, broker: NatsBroker) -> None:
    http = await open_site(auth=SECRET, admin_key="the-key")
    answer = (await said(http, bearer("the-key"), user_id="sam")).json()
    assert await user_of(broker, answer["session_id"]) == "sam"
    session = await http.get(f"/sessions/{answer['session_id']}", headers=bearer("the-key"))
    assert session.json()["user_id"] == "sam"
    assert (await http.delete(f"/sessions/{answer['session_id']}", headers=bearer(token("sam")))).status_code == 401


async def test_without_tokens_a_session_is_read_with_its_secret(open_site: OpenSite) -> None:
    http = await open_site()
    first, other = (await said(http)).json(), (await said(http)).json()
    path = f"/sessions/{first['session_id']}"
    for part in ("", "/transcript", "/playback"):
        assert (await http.get(path + part)).json()["code"] == "no-admin-key"
        assert (await http.get(path + part, headers=bearer(other["resume_token"]))).status_code == 403
        assert (await http.get(path + part, headers=bearer(first["resume_token"]))).status_code == 200
        assert (await http.get(path + part, params={"token": first["resume_token"]})).status_code == 200
    assert (await http.get("/sessions", headers=bearer(first["resume_token"]))).status_code == 403
    assert (await http.delete(path, headers=bearer(first["resume_token"]))).status_code == 403


@pytest.mark.slow
async def test_guessing_tokens_is_slowed_down(open_site: OpenSite) -> None:
    http = await open_site(auth=SECRET)
    statuses = [(await http.post("/chat", json={"text": "x"}, headers=bearer(f"{n}"))).status_code for n in range(25)]
    assert statuses[:20] == [401] * 20
    assert 429 in statuses
    # On a busy machine some may be allowed again by now.
    refused = [await hello(http, token="wrong") for _ in range(10)]
    assert ("too-many-requests", 4429) in [(message["code"], message["close_code"]) for message in refused]


async def test_requests_by_nats_need_a_token_where_users_have_them(open_site: OpenSite, broker: NatsBroker) -> None:
    await open_site(auth=SECRET)

    async def ask(**fields: str) -> dict[str, Any]:
        data = msgpack.packb({"text": "Hello.", **fields})
        answer: dict[str, Any] = msgpack.unpackb(
            (await connection(broker).request(chat_subject("new"), data, timeout=20)).data
        )
        return answer

    assert (await ask(user_id="sam"))["error"]["code"] == "unauthorized"
    async with reasoning(ScriptedModel.playing(["Yes."])):
        answer = await ask(token=token("sam"), user_id="eve")
    assert await user_of(broker, answer["session_id"]) == "sam"


async def test_a_token_for_rooms_is_for_the_user_of_the_token(open_site: OpenSite) -> None:
    rooms = {"livekit_url": "wss://rooms.example.org", "livekit_api_key": "key", "livekit_api_secret": SECRET}
    http = await open_site(auth="another-secret-for-tests-of-40-characters", livekit_token_key="backend", **rooms)
    wanted = {"room_name": "kitchen", "participant_identity": "eve"}
    own = {"Origin": str(http.base_url).rstrip("/")}
    assert (await http.post("/livekit/token", json=wanted, headers=own)).status_code == 401
    sam = bearer(token("sam", key="another-secret-for-tests-of-40-characters"))
    assert (await http.post("/livekit/token", json=wanted, headers=sam)).json()["participant_identity"] == "sam"
    given = await http.post("/livekit/token", json=wanted, headers=bearer("backend"))
    assert given.json()["participant_identity"] == "eve"


async def test_a_key_that_can_be_guessed_is_warned_about_and_works(
    open_site: OpenSite, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        http = await open_site(admin_key="an-admin-key-of-32-characters-xx")
        assert "can be guessed" not in caplog.text
        http = await open_site(admin_key="hunter2", livekit_token_key="backend")
    assert "DAREDEVIL_ADMIN_KEY has under 16 characters and can be guessed" in caplog.text
    assert "DAREDEVIL_LIVEKIT_TOKEN_KEY has under 16 characters and can be guessed" in caplog.text
    assert "hunter2" not in caplog.text
    assert (await http.get("/sessions", headers=bearer("hunter2"))).status_code == 200


async def test_a_door_that_is_open_to_others_says_so(open_site: OpenSite, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        await open_site()
        await open_site(host="0.0.0.0", auth=SECRET)
        assert "DAREDEVIL_AUTH" not in caplog.text
        await open_site(host="0.0.0.0", trust_user_ids="everyone")
    assert "open to whoever reaches this machine" in caplog.text
    assert "DAREDEVIL_TRUST_USER_IDS=everyone" in caplog.text
