"""What the API refuses, and how it describes itself: asked of one door, for nothing of it stays in the log."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from bridge.http.limiting import AddressRates
from bridge.http.problems import STATUS
from bridge.web_server import WebServer
from infra.log.broker import make_broker
from infra.log.connection import jetstream
from infra.log.provisioning import provision
from infra.settings import Settings, settings
from tests.bridge.http.conftest import ADMIN, KEY
from tests.servers import running_nats

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a door that takes more requests than one client may send elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bridge.http.api.AddressRates", lambda: AddressRates(per_s=1_000, burst=1_000))
        async with running_nats(tmp_path_factory.mktemp("nats")) as server:
            patch.setenv("DAREDEVIL_NATS_URL", server.url)
            settings.cache_clear()
            broker = make_broker("test")
            await broker.connect()
            await provision(jetstream(broker))
            door = WebServer(
                broker,
                Settings.model_validate({"port": 0, "admin_key": KEY, "llm": "scripted:model"}),
                page=False,
            )
            await door.open()
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{door.port}", timeout=20) as client:
                yield client
            await door.close()
            await broker.stop()
    settings.cache_clear()


async def post(http: httpx.AsyncClient, body: bytes) -> httpx.Response:
    return await http.post("/chat", content=body, headers={"Content-Type": "application/json"})


async def test_openapi_describes_every_route_and_its_errors(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert {"/chat", "/sessions", "/sessions/{session_id}", "/healthz", "/readyz"} <= set(document["paths"])
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            assert route["summary"], path
            assert all(answer.get("description") for answer in route["responses"].values()), (path, method)
    text = json.dumps(document)
    schemas = document["components"]["schemas"]
    for reference in text.split('"#/components/schemas/')[1:]:
        assert reference.split('"')[0] in schemas
    assert "HTTPValidationError" not in schemas
    assert "text/event-stream" in document["paths"]["/chat"]["post"]["responses"]["200"]["content"]
    assert document["paths"]["/sessions"]["get"]["security"]
    assert document["paths"]["/chat"]["post"]["security"] == [{}, {"bearer": []}]
    ids = [route["operationId"] for methods in document["paths"].values() for route in methods.values()]
    assert len(set(ids)) == len(ids)
    assert {"say", "listSessions", "getTranscript", "closeSession", "listFacts", "erase"} <= set(ids)
    codes = schemas["ProblemBody"]["properties"]["code"]["enum"]
    assert set(codes) == set(STATUS)
    for methods in document["paths"].values():
        for route in methods.values():
            errors = [answer for status, answer in route["responses"].items() if int(status) >= 400]
            assert errors
            assert all("application/json" not in answer.get("content", {}) for answer in errors if "$ref" not in answer)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad-json"),
        (b"{", 400, "bad-json"),
        (b"{'text': 'x'}", 400, "bad-json"),
        (b'{"text": "x",}', 400, "bad-json"),
        (b"[]", 422, "bad-request"),
        (b"null", 422, "bad-request"),
        (b'{"text": 7}', 422, "bad-request"),
        (b'{"text": "x", "session_id": "../etc"}', 422, "bad-request"),
        (b'{"text": "x", "session_id": 7}', 422, "bad-request"),
        (b'{"text": "x", "user_id": "' + b"u" * 300 + b'"}', 422, "bad-request"),
        (b'{"text": "x", "user_id": "sam\\u0000"}', 422, "bad-request"),
        (b'{"text": "x", "user_id": "sam\\nann"}', 422, "bad-request"),
        (b'{"text": "x", "user_id": " sam"}', 422, "bad-request"),
        (b'{"text": "x", "user_id": "a\\ud800b"}', 422, "bad-request"),
        (b'{"text": " \\u0000\\n "}', 422, "text-empty"),
        (b'{"text": ""}', 422, "text-empty"),
        ('{"text": "\U0001f989 ?!"}'.encode(), 422, "text-empty"),
        (b"\xff\xfe", 400, "bad-json"),
        (b"[" * 50_000, 400, "bad-json"),
        (json.dumps({"text": "é" * 9_000}).encode(), 413, "text-too-long"),
        (json.dumps({"text": "x" * 1_000_000}).encode(), 413, "text-too-long"),
    ],
)
async def test_rubbish_is_refused_in_words(http: httpx.AsyncClient, body: bytes, status: int, code: str) -> None:
    answer = await post(http, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (b'{"text": "x", "x": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", 400, "it is nested too deeply to be read"),
        (b'{"text": "x", "x": ' + b"9" * 5_000 + b"}", 400, "a number in it has more than 4,300 digits"),
        (b'{"text": "caf\xe9"}', 400, "it is not UTF-8 at byte 14"),
        (b"[]", 422, "the body: an object is wanted"),
        (b'{"text": 7}', 422, "text: a text is wanted"),
        (b"{}", 422, "text: it is missing"),
        (b'{"text": "x", "user_id": "' + b"u" * 257 + b'"}', 422, "user_id: at most 256 characters are taken"),
        (b'{"text": "x", "resume_token": "' + b"t" * 999 + b'"}', 422, "resume_token: at most "),
        (b'{"text": "x", "session_id": "A"}', 422, "session_id: 'A' is not a session id: use "),
        (b'{"text": "x", "user_id": "\\n"}', 422, "user_id: it has control characters"),
    ],
)
async def test_what_is_wrong_is_said_in_plain_words(
    http: httpx.AsyncClient, body: bytes, status: int, detail: str
) -> None:
    answer = await post(http, body)
    assert answer.status_code == status
    assert detail in answer.json()["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "/sessions?limit=0",
        "/sessions?limit=x",
        "/sessions?cursor=x",
        "/sessions?cursor=0x1",
        "/sessions?since=soon",
        "/sessions?since=2026",
        f"/sessions?user_id={'u' * 257}",
        "/sessions/A",
        "/sessions/a/facts?after=-1",
        "/sessions/a/facts?limit=1001",
    ],
)
async def test_no_library_speaks_to_users(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path, headers=ADMIN)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad-request")
    for foreign in ("Input", "Value", "should", "valid", "pattern", "^"):
        assert foreign not in answer.json()["detail"]


async def raw(http: httpx.AsyncClient, request: bytes) -> tuple[int, dict[str, object]]:
    """Send bytes; return status and problem of the answer, once the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
    try:
        writer.write(request)
        head, _, body = (await asyncio.wait_for(reader.read(), 5)).partition(b"\r\n\r\n")
    finally:
        writer.close()
    return int(head.split()[1]), json.loads(body)


async def test_a_client_that_first_sends_all_of_too_long_a_body_sees_the_answer(http: httpx.AsyncClient) -> None:
    body = b"x" * 8_000_000
    head = f"POST /chat HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    reader, writer = await asyncio.open_connection(http.base_url.host, http.base_url.port)
    async with asyncio.timeout(20):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n")
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200")
        writer.write(head.encode() + body)
        await writer.drain()
        assert (await reader.read()).partition(b"\r\n")[0] == b"HTTP/1.1 413 Request Entity Too Large"
    writer.close()


async def test_a_body_that_is_announced_as_too_long_is_refused_at_once(http: httpx.AsyncClient) -> None:
    for length in (10**7, 10**19):
        status, problem = await raw(
            http, f"POST /chat HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode()
        )
        assert (status, problem["code"]) == (413, "text-too-long")


async def test_a_request_with_two_lengths_is_refused(http: httpx.AsyncClient) -> None:
    for method in ("POST", "GET"):
        head = f"{method} /chat HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
        status, problem = await raw(http, head.encode() + b"0\r\n\r\n")
        assert (status, problem["code"]) == (400, "bad-request")


async def test_a_body_that_never_ends_is_cut_off(http: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> "object":
        nonlocal sent
        while sent < 50_000_000:
            sent += 10_000
            yield b" " * 10_000

    try:
        answer = await http.post("/chat", content=endless(), headers={"Content-Type": "application/json"})  # type: ignore[arg-type]
        assert answer.status_code == 413
    except httpx.TransportError:
        pass  # refused while it was still sending
    assert sent < 50_000_000


async def test_a_page_of_another_site_cannot_talk_here(http: httpx.AsyncClient) -> None:
    answer = await http.post("/chat", json={"text": "Hello."}, headers={"Origin": "http://evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (403, "bad-origin")
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json", "/docs", "/sessions", "/nothing", "/chat"])
async def test_head_is_get_without_its_body(http: httpx.AsyncClient, path: str) -> None:
    got, head = await http.get(path, headers=ADMIN), await http.head(path, headers=ADMIN)
    assert head.content == b""
    assert head.status_code == got.status_code
    for name in ("content-type", "content-length", "content-security-policy", "allow", "cache-control"):
        assert head.headers.get(name) == got.headers.get(name), name
    assert (await http.get("/healthz")).status_code == 200  # the connection is as it should be


async def test_what_is_no_json_is_named_as_that(http: httpx.AsyncClient) -> None:
    answer = await http.post("/chat", content=b'{"text": }', headers={"Content-Type": "application/json"})
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["title"], problem["code"]) == (400, "Bad Request", "bad-json")
    assert problem["type"] == "urn:daredevil:problem:bad-json"
    assert problem["detail"] == "the body is no JSON: Expecting value, at character 9"
    for kind in ("text/plain", "", "application/jsonx"):
        answer = await http.post("/chat", content=b'{"text": "x"}', headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported-media-type"), kind


async def test_what_is_no_http_is_reported_in_the_same_form(http: httpx.AsyncClient) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
    writer.write(b"\x16\x03\x01 hello\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\n")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "bad-request"


async def test_what_is_not_there_is_reported_as_json(http: httpx.AsyncClient) -> None:
    answer = await http.get("/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    wrong = await http.get("/chat")
    assert (wrong.status_code, wrong.json()["code"], wrong.headers["allow"]) == (405, "method-not-allowed", "POST")
    assert (await http.put("/sessions/call")).headers["allow"] == "DELETE, GET, HEAD"


async def test_a_fault_of_ours_shows_no_trace(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*args: object) -> None:
        raise KeyError("secret")

    monkeypatch.setattr("bridge.http.chat.conversations.Conversations.begin", broken)
    answer = await http.post("/chat", json={"text": "Hello."})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text
