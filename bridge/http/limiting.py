"""How much may come: requests of one address, and bytes of one request."""

import time
from collections import OrderedDict

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.http.problems import Problem
from bridge.limits import Bucket

REQUESTS_PER_S, REQUESTS_BURST = 20, 100
ADDRESSES_KEPT = 10_000


class Addresses:
    """A bucket for each client address, those that came last."""

    def __init__(self, per_s: float = REQUESTS_PER_S, burst: float = REQUESTS_BURST) -> None:
        self._per_s, self._burst = per_s, burst
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, address: str) -> None:
        """Count a request. Raises Problem if there were too many."""
        bucket = self._buckets.setdefault(address, Bucket(self._per_s, self._burst))
        self._buckets.move_to_end(address)
        if len(self._buckets) > ADDRESSES_KEPT:
            self._buckets.popitem(last=False)
        if not bucket.take(1, time.monotonic()):
            message = f"more than {self._per_s:g} requests a second came from here; slow down"
            raise Problem("too-many-requests", message, retry_after_s=1)


def body_bytes(max_text_bytes: int) -> int:
    """Return how long a request may be so that a text of this length fits: JSON may take 6 bytes for one."""
    return 6 * max_text_bytes + 8_192


class BodyLimit:
    """Reads the body of a request before anybody else does, and refuses one that is too long."""

    def __init__(self, app: ASGIApp, most_bytes: int) -> None:
        self._app = app
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, or answer 413."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        body = b""
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return  # it went away
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._most_bytes:
                # Closing ends what is still being sent; it would all be read otherwise.
                close = {"Connection": "close"}
                problem = Problem("text-too-long", f"at most {self._most_bytes} bytes are taken", headers=close)
                await problem.response()(scope, receive, send)
                return
        replayed = False

        async def again() -> Message:
            nonlocal replayed
            if replayed:
                return await receive()
            replayed = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)
