"""The door as a process of its own, its page and its health."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from faststream.nats import NatsBroker

from bridge.web_server import WebServer
from infra.log.connection import connection
from tests.bridge.agent import Agent
from tests.bridge.caller import Caller, wait_for
from tests.bridge.conftest import Connect, OpenDoor
from tests.servers import NatsServer

pytestmark = pytest.mark.slow


@asynccontextmanager
async def running_app(nats: NatsServer, **changes: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "faststream", "run", "bridge.websocket:app"),
        env=os.environ | {"DAREDEVIL_NATS_URL": nats.url} | changes,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_it_runs_by_itself_reports_its_port_and_ends_when_told(
    nats_server: NatsServer, broker: NatsBroker, tmp_path: Path
) -> None:
    port_file = tmp_path / "run" / "port"
    async with running_app(nats_server, DAREDEVIL_PORT="0", DAREDEVIL_PORT_FILE=str(port_file)) as process:
        await wait_for(port_file.exists)
        async with Caller.connected(int(port_file.read_text())) as caller:
            await caller.hello()
            answer = await connection(broker).request("health.bridge", timeout=5)
            assert int(answer.data) == process.pid
            process.send_signal(signal.SIGTERM)
            assert await caller.closed() == 1012
            assert (await caller.message("error"))["code"] == "shutdown"
        assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_a_killed_door_leaves_a_session_that_another_goes_on_with(
    nats_server: NatsServer, connect: Connect, agent: Agent, tmp_path: Path
) -> None:
    port_file = tmp_path / "port"
    async with running_app(nats_server, DAREDEVIL_PORT="0", DAREDEVIL_PORT_FILE=str(port_file)) as process:
        await wait_for(port_file.exists)
        async with Caller.connected(int(port_file.read_text())) as first:
            await first.hello()
            await agent.reply(first.session_id, "r-1")
            await first.message("reply_end", reply_id="r-1")
            await first.played("r-1", 2_400, started=True)
            await first.fact("PlaybackStarted")
            process.kill()
            await first.closed()
    second = await connect(**first.resuming)
    await second.message("stop", reply_id="r-1")
    await second.played("r-1", 6_100)
    assert (await second.fact("PlaybackInterrupted"))["heard_text"] == "Hello"
    assert len(second.facts("TrackPublished")) == 2
    assert len(second.facts("TrackUnpublished")) == 1


async def test_a_port_in_use_is_a_clear_error(nats_server: NatsServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        async with running_app(nats_server, DAREDEVIL_PORT=port) as process:
            _, stderr = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode not in (0, None)
    assert b"DAREDEVIL_PORT" in stderr
    assert b"Traceback" not in stderr


async def test_bad_settings_are_a_clear_error(nats_server: NatsServer) -> None:
    async with running_app(nats_server, DAREDEVIL_PORT="lots") as process:
        _, stderr = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 2
    assert stderr.decode().startswith("DAREDEVIL_PORT=")
    assert stderr.count(b"\n") == 1


async def test_the_page_is_served_by_us_alone_and_never_stale(door: WebServer) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{door.port}") as http:
        page = await http.get("/")
        script = await http.get("/app.js")
        assert (await http.get("/..%2f..%2fdoor.py")).status_code == 404
        again = await http.get("/app.js", headers={"If-None-Match": script.headers["etag"]})
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cache-control"] == "no-cache"
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert again.status_code == 304


async def test_a_door_that_is_told_to_end_lets_its_calls_go_on_and_takes_no_new_ones(
    nats_server: NatsServer, agent: Agent, tmp_path: Path
) -> None:
    port_file = tmp_path / "port"
    changes = {"DAREDEVIL_PORT": "0", "DAREDEVIL_PORT_FILE": str(port_file), "DAREDEVIL_DRAIN_S": "100"}
    async with running_app(nats_server, **changes) as process:
        await wait_for(port_file.exists)
        port = int(port_file.read_text())
        async with Caller.connected(port) as caller, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            await caller.hello()
            process.send_signal(signal.SIGTERM)
            while "told to end" not in (ready := await http.get("/readyz")).text:
                pass
            assert ready.status_code == 503
            refused = await http.post("/chat", json={"text": "Hello?"})
            assert (refused.status_code, refused.json()["code"]) == (503, "shutdown")
            assert refused.headers["connection"] == "close"
            async with Caller.connected(port) as late:
                await late.hello(expect="refusal")
                assert (await late.message("error"))["code"] == "shutdown"
                assert await late.closed() == 1012
            await agent.reply(caller.session_id, "r-1")
            await caller.message("reply_end", reply_id="r-1")
            await caller.played("r-1", 2_400, started=True)
            await caller.fact("PlaybackStarted")
            await caller.send(type="hangup")
            assert (await caller.fact("SessionClosed"))["reason"] == "hangup"
        assert await asyncio.wait_for(process.wait(), 20) == 0


async def test_calls_that_outlive_the_drain_go_on_at_another_door(
    open_door: OpenDoor, connect: Connect, agent: Agent
) -> None:
    ending = await open_door(drain_s=0.2)
    first = await connect(ending)
    await asyncio.wait_for(ending.close(), 20)
    assert (await first.message("error"))["code"] == "shutdown"
    second = await connect(**first.resuming)
    assert (await second.message("welcome"))["resumed"]
    await agent.reply(second.session_id, "r-1")
    await second.message("reply_end", reply_id="r-1")
