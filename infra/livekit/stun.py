"""Checks whether a STUN or TURN server answers: one binding request (RFC 8489), over UDP, TCP or TLS."""

import asyncio
import secrets
import ssl
import struct
from dataclasses import dataclass

COOKIE = 0x2112A442
REQUEST, SUCCESS = 0x0001, 0x0101


@dataclass(frozen=True, slots=True)
class IceServer:
    """One server of a list of ICE servers, such as `turn:turn.example.org:443?transport=tcp`."""

    scheme: str
    host: str
    port: int
    transport: str

    @property
    def is_turn(self) -> bool:
        """Whether it relays media, instead of only reporting to clients their address."""
        return self.scheme in ("turn", "turns")


def ice_server(url: str) -> IceServer:
    """Parse an ICE server's URL (RFC 7064, 7065). Raises ValueError."""
    scheme, _, rest = url.partition(":")
    place, _, query = rest.partition("?")
    if scheme not in ("stun", "stuns", "turn", "turns"):
        raise ValueError(f"{url} is no STUN or TURN server")
    secure = scheme.endswith("s")
    host, port = place, 5349 if secure else 3478
    if place.startswith("["):
        host, _, tail = place[1:].partition("]")
        port = int(tail[1:]) if tail else port
    elif ":" in place:
        host, _, tail = place.rpartition(":")
        port = int(tail)
    transport = "tls" if secure else ("tcp" if query == "transport=tcp" else "udp")
    return IceServer(scheme, host, port, transport)


async def answers(server: IceServer, timeout_s: float) -> None:
    """Return once it has answered a binding request. Raises OSError (including TLS errors) or TimeoutError."""
    transaction = secrets.token_bytes(12)
    request = struct.pack("!HHI", REQUEST, 0, COOKIE) + transaction
    async with asyncio.timeout(timeout_s):
        if server.transport == "udp":
            answer = await _by_udp(server, request)
        else:
            answer = await _by_stream(server, request)
    if struct.unpack("!H", answer[:2])[0] != SUCCESS or answer[8:20] != transaction:
        raise OSError("what listens there is no STUN server")


async def _by_stream(server: IceServer, request: bytes) -> bytes:
    tls = ssl.create_default_context() if server.transport == "tls" else None
    reader, writer = await asyncio.open_connection(server.host, server.port, ssl=tls)
    try:
        writer.write(request)
        return await reader.readexactly(20)
    except asyncio.IncompleteReadError as error:
        raise OSError("what listens there is no STUN server") from error
    finally:
        writer.close()


class _Answer(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self.received.done() and len(data) >= 20:
            self.received.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.received.done():
            self.received.set_exception(exc)


async def _by_udp(server: IceServer, request: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    transport, answer = await loop.create_datagram_endpoint(_Answer, remote_addr=(server.host, server.port))
    try:
        while True:
            transport.sendto(request)
            try:
                return await asyncio.wait_for(asyncio.shield(answer.received), 0.5)
            except TimeoutError:
                continue  # UDP loses packets
    finally:
        transport.close()
        answer.received.cancel()
