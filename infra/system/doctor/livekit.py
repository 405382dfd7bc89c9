"""Whether a LiveKit server can be reached from here and used: each step of the way, and a verdict."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from infra.livekit.access import LiveKitAccess, NoLiveKit, livekit_access
from infra.livekit.joining import Joined, join_quietly
from infra.livekit.stun import answers, ice_server
from infra.settings import Settings
from infra.system.doctor.finding import Finding

TIMEOUT_S = 5.0
MAX_CLOCK_S = 30
FIREWALL = "open the port in the firewalls between here and there"


async def examine_livekit(settings: Settings) -> list[Finding]:
    """Look at everything on the way into a room, up to the first thing that keeps one out; end with a verdict."""
    findings: list[Finding] = []
    async for finding in _steps(settings):
        findings.append(finding)
        if finding.state == "missing":
            break
    return [*findings, verdict(findings)]


def verdict(findings: list[Finding]) -> Finding:
    """Return what follows from the findings: whether rooms can be used, and else what to do first."""
    wrong = next((finding for finding in findings if finding.state == "missing"), None)
    if wrong is not None:
        return Finding("verdict", "missing", f"rooms cannot be used: {wrong.subject}: {wrong.detail}", wrong.remedy)
    warnings = [finding.subject for finding in findings if finding.state == "warning"]
    if warnings:
        return Finding("verdict", "warning", f"rooms can be used from here; look at: {', '.join(warnings)}")
    return Finding("verdict", "ok", "rooms can be used from here")


async def _steps(settings: Settings) -> AsyncIterator[Finding]:
    try:
        access = livekit_access(settings)
    except NoLiveKit as error:
        yield Finding("LiveKit server", "missing", str(error), "set what it names")
        return
    url = urlsplit(access.url)
    yield _url(access)
    host, secure = url.hostname or "", url.scheme in ("wss", "https")
    port = url.port or (443 if secure else 80)
    yield await _dns(host)
    yield await _port(host, port)
    if secure:
        yield await _tls(host, port)
    yield await _clock(host, port, secure)
    yield await _api(access)
    joined = await _join(access)
    yield joined if isinstance(joined, Finding) else _media(joined)
    if isinstance(joined, Joined):
        for finding in await asyncio.gather(*(_ice(server) for server in joined.ice_urls)):
            yield finding
        yield _turn(joined)


def _url(access: LiveKitAccess) -> Finding:
    public = urlsplit(access.public_url)
    if public.scheme in ("ws", "http") and public.hostname not in ("127.0.0.1", "::1", "localhost"):
        detail = f"{access.public_url} is not encrypted: pages on https, the only ones with a microphone, cannot use it"
        return Finding("URL", "warning", detail, "put TLS before the server and use `wss://`")
    return Finding("URL", "ok", access.url)


async def _dns(host: str) -> Finding:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError) as error:
        return Finding(
            "DNS", "missing", f"{host}: {error or 'no answer'}", "check the name, and this machine's resolver"
        )
    addresses = dict.fromkeys(str(address[0]) for *_, address in found)
    return Finding("DNS", "ok", f"{host} is {', '.join(addresses)}")


async def _port(host: str, port: int) -> Finding:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port)
        writer.close()
    except (OSError, TimeoutError) as error:
        refused = isinstance(error, ConnectionRefusedError)
        remedy = "start the LiveKit server, or correct the port in DAREDEVIL_LIVEKIT_URL" if refused else FIREWALL
        why = "nothing listens there" if refused else (str(error) or "no answer")
        return Finding("signalling port", "missing", f"TCP {port} of {host}: {why}", remedy)
    return Finding("signalling port", "ok", f"TCP {port}")


async def _tls(host: str, port: int) -> Finding:
    context = ssl.create_default_context()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
    except (OSError, TimeoutError) as error:
        why = getattr(error, "verify_message", "") or str(error) or "no answer"
        return Finding("TLS", "missing", why, "a certificate of a public authority for this very name is needed")
    certificate = writer.get_extra_info("peercert")
    writer.close()
    days = (ssl.cert_time_to_seconds(certificate["notAfter"]) - time.time()) / 86_400
    if days < 14:
        return Finding("TLS", "warning", f"the certificate ends in {days:.0f} days", "renew it")
    return Finding("TLS", "ok", f"the certificate is good for {days:.0f} days")


async def _clock(host: str, port: int, secure: bool) -> Finding:
    """Ask the server for its time: tokens are refused when the clocks differ."""
    request = f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            reader, writer = await asyncio.open_connection(host, port, ssl=secure or None)
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        detail = f"what listens there does not answer HTTP: {str(error) or type(error).__name__}"
        return Finding("LiveKit server", "missing", detail, "correct DAREDEVIL_LIVEKIT_URL")
    dates = [line.partition(":")[2].strip() for line in head.splitlines() if line.lower().startswith("date:")]
    if not dates:
        return Finding("clock", "warning", "the server does not tell the time")
    apart_s = abs(parsedate_to_datetime(dates[0]).timestamp() - time.time())
    if apart_s > MAX_CLOCK_S:
        return Finding("clock", "warning", f"{apart_s:.0f} s apart: tokens may be refused", "set both clocks by NTP")
    return Finding("clock", "ok", f"at most {max(1, apart_s):.0f} s apart")


async def _api(access: LiveKitAccess) -> Finding:
    from livekit.api import ListRoomsRequest, LiveKitAPI, TwirpError

    remedy = "check DAREDEVIL_LIVEKIT_API_KEY and DAREDEVIL_LIVEKIT_API_SECRET"
    try:
        async with asyncio.timeout(TIMEOUT_S), LiveKitAPI(access.url, access.key, access.secret) as api:
            rooms = (await api.room.list_rooms(ListRoomsRequest())).rooms
    except TwirpError as error:
        refused = error.status in (401, 403)
        why = "the server does not know this key and secret" if refused else f"{error.status} {error.code}"
        return Finding("API and key", "missing", why, remedy)
    except (OSError, TimeoutError, ValueError) as error:
        detail = f"this is no LiveKit server: {str(error) or type(error).__name__}"
        return Finding("API and key", "missing", detail, "correct DAREDEVIL_LIVEKIT_URL")
    return Finding("API and key", "ok", f"{len(rooms)} rooms are open")


async def _join(access: LiveKitAccess) -> Joined | Finding:
    try:
        return await join_quietly(access, timeout_s=3 * TIMEOUT_S)
    except Exception as error:  # the SDK, the WebSocket client and the API have errors of their own
        detail = f"signalling works, media does not: {str(error) or type(error).__name__}"
        ports = "open the server's rtc ports: UDP 50000-60000 (or udp_port), TCP 7881; set its node_ip"
        return Finding("media", "missing", detail, f"{ports}; else TURN on 443")


def _media(joined: Joined) -> Finding:
    detail = f"joined after {joined.seconds:.1f} s, LiveKit {joined.version}, media over {joined.way}"
    if joined.way.startswith("udp") or not joined.way:
        return Finding("media", "ok", detail)
    return Finding("media", "warning", f"{detail}: later and rougher than UDP", "open the server's UDP ports")


async def _ice(url: str) -> Finding:
    try:
        server = ice_server(url)
        await answers(server, TIMEOUT_S)
    except ValueError as error:
        return Finding("ICE server", "warning", str(error), "correct the server's configuration")
    except (OSError, TimeoutError) as error:
        kind = "TURN" if url.startswith("turn") else "STUN"
        detail = f"{url}: {error or 'no answer'}"
        return Finding(kind, "warning", detail, f"{FIREWALL}; people behind strict ones cannot join without")
    return Finding("TURN" if server.is_turn else "STUN", "ok", f"{url} answers")


def _turn(joined: Joined) -> Finding:
    if any(url.startswith("turn") for url in joined.ice_urls):
        return Finding("relay", "ok", "the server offers TURN")
    return Finding(
        "relay",
        "warning",
        "the server offers no TURN: people whose network lets only TCP 443 out cannot join",
        "switch on `turn` in the server's configuration, unless all are in networks of yours",
    )
