"""`daredevil doctor --livekit`: against a real server, and against what people get wrong."""

import asyncio
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from livekit.api import ListRoomsRequest

from infra.livekit.stun import IceServer, answers, ice_server
from infra.settings import Settings
from infra.system.doctor.finding import Finding
from infra.system.doctor.livekit import examine_livekit
from infra.system.nats import free_port
from tests.livekit_server import LiveKitServer


async def found(url: str, key: str = "k", secret: str = "s" * 40) -> dict[str, Finding]:
    settings = Settings(livekit_url=url, livekit_api_key=key, livekit_api_secret=secret)
    return {finding.subject: finding for finding in await examine_livekit(settings)}


async def test_a_server_that_works_gets_a_good_verdict_and_nothing_is_left_there(livekit_server: LiveKitServer) -> None:
    findings = await found(livekit_server.url, livekit_server.api_key, livekit_server.api_secret)
    assert [each.state for each in findings.values() if each.subject in ("DNS", "API and key", "media")] == ["ok"] * 3
    assert f"media over udp 127.0.0.1:{livekit_server.ports.udp}" in findings["media"].detail
    assert findings["relay"].state == "warning"
    assert "offers no TURN" in findings["relay"].detail
    assert findings["verdict"].state == "warning"
    assert findings["verdict"].detail.startswith("rooms can be used from here; look at:")
    async with livekit_server.api() as api:
        assert not (await api.room.list_rooms(ListRoomsRequest())).rooms


async def test_a_wrong_secret_is_told_apart_from_a_wrong_address(livekit_server: LiveKitServer) -> None:
    verdict = (await found(livekit_server.url, livekit_server.api_key))["verdict"]
    assert (verdict.state, verdict.remedy) == (
        "missing",
        "check DAREDEVIL_LIVEKIT_API_KEY and DAREDEVIL_LIVEKIT_API_SECRET",
    )
    assert "the server does not know this key and secret" in verdict.detail


async def test_what_is_wrong_with_an_address_is_named() -> None:
    unknown = await found("wss://no-such-host.invalid")
    assert unknown["verdict"].detail.startswith("rooms cannot be used: DNS: no-such-host.invalid")
    silent = await found(f"ws://127.0.0.1:{free_port()}")
    assert "nothing listens there" in silent["verdict"].detail
    assert "start the LiveKit server" in silent["verdict"].remedy


async def test_without_a_server_it_says_what_to_set(tmp_path: Path) -> None:
    findings = await examine_livekit(Settings(livekit_url="", data_dir=tmp_path))
    assert "daredevil run --livekit" in findings[-1].detail


@asynccontextmanager
async def tls_server(directory: Path) -> AsyncIterator[int]:
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    command: tuple[str, ...] = (
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    )
    command = (*command, "-keyout", str(key), "-out", str(certificate))
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_certificate_that_browsers_refuse_is_reported(tmp_path: Path) -> None:
    async with tls_server(tmp_path) as port:
        findings = await found(f"wss://localhost:{port}")
    assert findings["TLS"].state == "missing"
    assert "self-signed certificate" in findings["verdict"].detail


async def test_something_else_on_that_port_is_no_livekit_server() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        findings = await found(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert "does not answer HTTP" in findings["verdict"].detail


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("stun:a.example.org", IceServer("stun", "a.example.org", 3478, "udp")),
        ("turn:a.example.org:443?transport=tcp", IceServer("turn", "a.example.org", 443, "tcp")),
        ("turns:a.example.org", IceServer("turns", "a.example.org", 5349, "tls")),
        ("turn:[::1]:99", IceServer("turn", "::1", 99, "udp")),
    ],
)
def test_ice_urls_are_read(url: str, server: IceServer) -> None:
    assert ice_server(url) == server


def test_what_is_no_ice_url_is_refused() -> None:
    for url in ("https://x", "turn:x:y", ""):
        with pytest.raises(ValueError):
            ice_server(url)


async def test_a_stun_server_that_is_there_answers_and_one_that_is_not_does_not(livekit_server: LiveKitServer) -> None:
    # LiveKit's media port speaks STUN, but answers only those whom it knows.
    with pytest.raises((OSError, TimeoutError)):
        await answers(IceServer("stun", "127.0.0.1", livekit_server.ports.udp, "udp"), 1)
    with pytest.raises((OSError, TimeoutError)):
        await answers(IceServer("turn", "127.0.0.1", free_port(), "tcp"), 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stun:
        stun.bind(("127.0.0.1", 0))
        stun.setblocking(False)
        loop = asyncio.get_running_loop()

        async def answer_second() -> None:
            await loop.sock_recvfrom(stun, 100)  # the first one gets lost
            request, client = await loop.sock_recvfrom(stun, 100)
            await loop.sock_sendto(stun, b"\x01\x01" + request[2:], client)

        task = asyncio.create_task(answer_second())
        await answers(IceServer("stun", "127.0.0.1", stun.getsockname()[1], "udp"), 5)
        await task
