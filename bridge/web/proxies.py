"""Who is at the other end: only proxies that the settings name are believed. Pure, except for the middleware."""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from infra.settings import Settings
from infra.settings_types import items_of

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PROXIED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
"""Headers that only a request through a proxy has."""

_FOR = re.compile(r'(?:^|;)\s*for\s*=\s*("(?:[^"\\]|\\.)*"|[^;,\s]+)', re.IGNORECASE)
_PROTO = re.compile(r'(?:^|;)\s*proto\s*=\s*"?(https?|wss?)"?\s*(?:;|$)', re.IGNORECASE)
_SPLIT = re.compile(r',(?=(?:[^"]*"[^"]*")*[^"]*$)')
_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|(\d+\.\d+\.\d+\.\d+))(?::\d+)?")


def is_loopback(address: str) -> bool:
    """Return whether an address or host name is this machine's own."""
    if address.lower().rstrip(".") == "localhost":
        return True
    try:
        ip = ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback


def is_local(scope: Scope) -> bool:
    """Return whether a client is on this machine: it connects from here, without a proxy, to a loopback name.

    The name matters because a page of another site can lead a browser here by a name of its own (DNS rebinding).
    """
    headers = Headers(scope=scope)
    client = scope.get("client")
    return (
        client is not None
        and is_loopback(client[0])
        and is_loopback(_host_of(headers.get("host", "")))
        and not any(name in headers for name in PROXIED)
    )


def _host_of(header: str) -> str:
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


class Proxies:
    """The proxies that the settings trust, and what they say about a client."""

    def __init__(self, networks: Sequence[Network], header: str) -> None:
        self._networks = networks
        self._header = header

    def trusts(self, address: str) -> bool:
        """Return whether this is the address of a trusted proxy."""
        try:
            ip = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        return any(ip in network for network in self._networks)

    def client_of(self, peer: str, headers: Headers) -> tuple[str, str]:
        """Return address and scheme (empty: as it came) of the client behind `peer`.

        The header is read from its end: each proxy appends the address that it was asked by, and only what trusted ones
        appended is believed. If the header names nobody, the proxy itself stands for its clients.
        """
        if not self.trusts(peer):
            return peer, ""
        hops = [hop.strip() for line in headers.getlist(self._header) for hop in _SPLIT.split(line)]
        client, scheme = peer, self._scheme_of(hops, headers)
        for hop in reversed(hops):
            address = self._address_of(hop)
            if not address:
                break
            client = address
            if not self.trusts(address):
                break
        return client, scheme

    def _address_of(self, hop: str) -> str:
        """Return the IP address in an element of the header, empty if it has none (`unknown`, `_hidden`)."""
        if self._header == "forwarded":
            found = _FOR.search(hop)
            hop = found.group(1).strip('"') if found else ""
        ported = _PORT.fullmatch(hop)
        text = (ported.group(1) or ported.group(2)) if ported else hop
        try:
            return str(ipaddress.ip_address(text.partition("%")[0]))
        except ValueError:
            return ""

    def _scheme_of(self, hops: Iterable[str], headers: Headers) -> str:
        if self._header == "forwarded":
            found = next((match for hop in reversed(list(hops)) if (match := _PROTO.search(hop))), None)
            return found.group(1).lower() if found else ""
        said = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
        return said if said in ("http", "https", "ws", "wss") else ""


def proxies_of(settings: Settings) -> Proxies:
    """Return the proxies that the settings trust."""
    return Proxies([ipaddress.ip_network(each) for each in items_of(settings.trusted_proxies)], settings.proxy_header)


class BehindProxies:
    """Puts the client's own address and scheme in place of a trusted proxy's."""

    def __init__(self, app: ASGIApp, proxies: Proxies) -> None:
        self._app = app
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        peer = scope.get("client")
        if scope["type"] in ("http", "websocket") and peer is not None and self._proxies.trusts(peer[0]):
            client, scheme = self._proxies.client_of(peer[0], Headers(scope=scope))
            if scheme:
                secure = "s" if scheme.endswith("s") else ""
                scheme = f"ws{secure}" if scope["type"] == "websocket" else f"http{secure}"
            scope = {**scope, "client": (client, peer[1]), "scheme": scheme or scope["scheme"]}
        await self._app(scope, receive, send)
