"""The API as a whole: its page and description, what it refuses, and its process."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import httpx
import pytest
from faststream.nats import NatsBroker

from bridge.http.conditions import wants_events
from bridge.http.limiting import AddressRates
from bridge.web_server import WebServer
from infra.log.connection import connection
from infra.settings import Settings
from tests.actors.reasoning.models import ScriptedModel
from tests.bridge.http.answering import reasoning
from tests.bridge.http.conftest import OpenHttp
from tests.bridge.page.browser import needs_chromium, running_browser
from tests.servers import NatsServer
from tests.waiting import until


async def post(http: httpx.AsyncClient, body: bytes) -> httpx.Response:
    return await http.post("/chat", content=body, headers={"Content-Type": "application/json"})


@needs_chromium
async def test_the_openapi_page_is_served_by_us_alone(http: httpx.AsyncClient) -> None:
    wrong: list[str] = []
    async with running_browser() as browser:
        page = await browser.new_page()
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda each: None if each.url.startswith(str(http.base_url)) else wrong.append(each.url))
        await page.goto(f"{http.base_url}/docs")
        await page.get_by_text("Say something to the agent").wait_for()
    assert wrong == []


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("text/event-stream", True),
        ("application/json, text/event-stream", True),
        ("text/event-stream; q=0.5, application/json;q=0.1", True),
        ("application/json, text/event-stream;q=0.1", False),
        ("text/event-stream;q=0", False),
        ("text/event-stream;q=0.000, application/json", False),
        ("*/*", False),
        ("", False),
        ("x-text/event-stream", False),
    ],
)
def test_a_stream_is_sent_to_who_takes_one(accept: str, wanted: bool) -> None:
    assert wants_events(accept) is wanted


@pytest.mark.parametrize(
    "text",
    [
        'He said "no"; DROP TABLE; --',
        "<script>alert(1)</script>",
        "\u202eright to left",
        "Owl" + "🦉" * 999,
        "a\ud800b",
    ],
)
async def test_hostile_text_arrives_as_it_was_written(http: httpx.AsyncClient, text: str) -> None:
    model = ScriptedModel.playing([text.replace("\ud800", "")])
    async with reasoning(model):
        answer = await post(http, json.dumps({"text": text}).encode())
    assert answer.status_code == 200, answer.text
    asked = str(model.asked[0][-1].content)
    assert asked == text.replace("\ud800", "\ufffd")


async def test_a_page_of_a_site_that_is_allowed_can(open_http: OpenHttp) -> None:
    http = await open_http(cors_origins="https://app.example, https://other.example")
    site = {"Origin": "https://app.example"}
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    preflight = await http.options("/chat", headers=site | asked)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == site["Origin"]
    async with reasoning(ScriptedModel.playing(["Yes."])):
        answer = await http.post("/chat", json={"text": "Hello."}, headers=site)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == site["Origin"]
    # An error can be read there, too.
    refused = await http.post("/chat", content=b"{", headers=site | {"Content-Type": "application/json"})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (400, site["Origin"])
    evil = {"Origin": "https://evil.example"}
    answer = await http.options("/chat", headers=evil | asked)
    assert "access-control-allow-origin" not in answer.headers
    assert (answer.status_code, answer.json()["code"]) == (403, "bad-origin")
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await http.post("/chat", json={"text": "Hello."}, headers=evil)).json()["code"] == "bad-origin"


async def test_too_many_requests_are_429(open_http: OpenHttp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.http.api.AddressRates", lambda: AddressRates(per_s=0.01, burst=3))
    http = await open_http()
    answers = [await http.post("/chat", json={"text": " "}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [422, 422, 422, 429]
    assert answers[-1].headers["retry-after"] == "100"


async def test_too_many_turns_at_once_are_503(open_http: OpenHttp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.http.chat.conversations.SPARE_S", 0.5)
    http = await open_http(max_sessions=3, llm_timeout_s=0.1)
    answers = await asyncio.gather(*(http.post("/chat", json={"text": "Hello."}) for _ in range(12)))
    busy = [answer for answer in answers if answer.status_code == 503]
    assert busy
    assert {answer.json()["code"] for answer in busy} == {"busy"}
    assert busy[0].headers["retry-after"]


async def test_the_page_and_the_api_are_one_site(broker: NatsBroker) -> None:
    listener = WebServer(broker, Settings.model_validate({"port": 0, "llm": "scripted:model"}))
    await listener.open()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.port}") as http:
            page, api, missing = await http.get("/"), await http.get("/healthz"), await http.get("/nothing")
    finally:
        await listener.close()
    assert "text/html" in page.headers["content-type"]
    assert api.json() == {"status": "ok"}
    assert missing.status_code == 404


@pytest.mark.slow
async def test_it_runs_by_itself_and_ends_when_told(
    nats_server: NatsServer, broker: NatsBroker, tmp_path: Path
) -> None:
    port_file = tmp_path / "port"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "faststream", "run", "bridge.http:app"),
        env=os.environ | {"DAREDEVIL_PORT": "0", "DAREDEVIL_PORT_FILE": str(port_file)},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await until(port_file.exists, within_s=30)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port_file.read_text()}", timeout=20) as http:
            async with reasoning(ScriptedModel.playing(["Yes."])):
                assert (await http.post("/chat", json={"text": "Do owls fly?"})).json()["text"] == "Yes."
            assert (await http.get("/")).status_code == 404
        await until(lambda: connection(broker).is_connected)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 15) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
