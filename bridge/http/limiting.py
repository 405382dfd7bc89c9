"""How much may come: requests of one address, and bytes of one request."""

import asyncio
import contextlib

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.http.problems import Code, Problem
from bridge.web.addresses import Buckets

REQUESTS_PER_S, REQUESTS_BURST = 20, 100
BODY_S = 20.0
"""How long the body of a request may take to arrive."""
DROPPED_BYTES, DROPPED_S = 16_000_000, 2.0
"""How much of a body that is too long is read and dropped after the answer, and for how long."""


class AddressRates:
    """Counts the requests of each address; one that sends too many has to wait."""

    def __init__(self, per_s: float = REQUESTS_PER_S, burst: float = REQUESTS_BURST) -> None:
        self._per_s = per_s
        self._buckets = Buckets(per_s, burst)

    def take(self, address: str) -> None:
        """Count a request. Raises Problem if there were too many."""
        if not self._buckets.take(address):
            message = f"more than {self._per_s:g} requests a second came from here; slow down"
            raise Problem("too-many-requests", message, retry_after_s=self._buckets.wait_s)


def body_bytes(max_text_bytes: int) -> int:
    """Return how long a request may be so that a text of this length fits: JSON may write one byte as six."""
    return 6 * max_text_bytes + 8_192


class _TooLong(Exception):
    pass


class BodyLimit:
    """Reads the body of a request before the app does, and refuses one that is too long."""

    def __init__(self, app: ASGIApp, most_bytes: int) -> None:
        self._app = app
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 413."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        length = headers.get("content-length", "")
        if length and "transfer-encoding" in headers:
            # Two servers on the way may disagree about where such a request ends (RFC 9112, 6.3).
            said = "send Content-Length or Transfer-Encoding, not both"
            await self._refuse("bad-request", said, scope, receive, send, status=400)
            return
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        if _is_more(length, self._most_bytes):
            await self._too_long(scope, receive, send)
            return
        try:
            async with asyncio.timeout(BODY_S):
                body = await self._body(receive)
        except TimeoutError:
            said = f"the request did not come whole within {BODY_S:.0f} s"
            await self._refuse("too-slow", said, scope, receive, send)
            return
        except _TooLong:
            await self._too_long(scope, receive, send)
            return
        if body is None:
            return  # the client has gone
        replayed = False

        async def again() -> Message:
            nonlocal replayed
            if replayed:
                return await receive()
            replayed = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)

    async def _body(self, receive: Receive) -> bytes | None:
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return None
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._most_bytes:
                raise _TooLong
        return bytes(body)

    async def _too_long(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_and_linger(message: Message) -> None:
            # Closing while the client is still sending resets the connection, and the client, which reads after it
            # has written, would never see the answer (RFC 9112, 9.6).
            is_last = message["type"] == "http.response.body" and not message.get("more_body", False)
            if not is_last:
                await send(message)
                return
            await send({**message, "more_body": True})
            await _drop(receive)
            await send({"type": "http.response.body", "body": b""})

        said = f"at most {self._most_bytes} bytes are taken"
        await self._refuse("text-too-long", said, scope, receive, send_and_linger)

    @staticmethod
    async def _refuse(
        code: Code, message: str, scope: Scope, receive: Receive, send: Send, status: int | None = None
    ) -> None:
        # Closing stops the upload; otherwise all of it would be read.
        problem = Problem(code, message, headers={"Connection": "close"}, status=status)
        await problem.response()(scope, receive, send)


async def _drop(receive: Receive) -> None:
    """Read what is left of a body, up to DROPPED_BYTES and for DROPPED_S."""
    left = DROPPED_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DROPPED_S):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return


def _is_more(length: str, most: int) -> bool:
    """Return whether a Content-Length announces too much; it may have more digits than Python reads."""
    return length.isdigit() and (len(length) > 18 or int(length) > most)
