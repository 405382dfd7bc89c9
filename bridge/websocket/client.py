"""One client's WebSocket: what goes out in order and within bounds, what comes in, and how it ends."""

import asyncio
import contextlib
import json
import logging
import time
from collections import deque
from typing import Any

from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketDisconnect

from bridge.call.client_clock import ClientClock
from bridge.rate_limit import TokenBucket
from bridge.text_input import ProtocolError
from bridge.web.gate import Visitor
from bridge.web.websocket_errors import CLOSE_CODES, error_message
from infra.log.event_log import Fact
from infra.process.tasks import CancelledElsewhere, ended, own_cancellation_only

log = logging.getLogger(__name__)

MAX_UNSENT_BYTES = 16_000_000
"""How many bytes may wait for a slow client: minutes of sound. Beyond that the client is dropped."""

MAX_ERRORS = 20
_TOLD = TokenBucket(per_s=1, burst=50)
"""How many refusals a process logs as warnings: strangers must not fill its log."""

SEND_TIMEOUT_S = 15.0
CLOSE_TIMEOUT_S = 2.0
MAX_BINARY_BYTES = 64_000


class Client:
    """Sends without waiting; one task of its own does the writing. Used from one event loop."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._unsent: deque[str | bytes] = deque()
        self._unsent_bytes = 0
        self._wake = asyncio.Event()
        self._gone = asyncio.Event()
        self._close_code: int | None = None
        self._errors = 0
        self._receiving: asyncio.Timeout | None = None
        self.session_id = ""
        self.visitor = Visitor()
        self.clock = ClientClock()
        self.counts_played = False
        self._sender = asyncio.create_task(self._send(), name="sending to a client")

    @property
    def connection(self) -> HTTPConnection:
        """The connection: the client's address and headers."""
        return self._websocket

    # -- out

    def tell(self, message: dict[str, Any]) -> None:
        """Send a JSON message."""
        self._put(json.dumps(message, ensure_ascii=False, separators=(",", ":")))

    def fact(self, fact: Fact) -> None:
        """Send a fact of the session."""
        name, data = type(fact.event).__name__, fact.event.model_dump_json(exclude_none=True)
        self._put(f'{{"type":"fact","name":"{name}","sequence":{fact.sequence},"data":{data}}}')

    def sound(self, pcm: bytes) -> None:
        """Send sound, in messages of at most 64 kB."""
        for start in range(0, len(pcm), MAX_BINARY_BYTES):
            self._put(pcm[start : start + MAX_BINARY_BYTES])

    def _put(self, data: str | bytes) -> None:
        if self._close_code is not None:
            return
        self._unsent.append(data)
        self._unsent_bytes += len(data)
        if self._unsent_bytes > MAX_UNSENT_BYTES:
            self._unsent.clear()
            self.refuse("slow-client", "you read more slowly than the agent speaks; reconnect to go on")
        self._wake.set()

    def refuse(self, code: str, message: str, message_id: str = "") -> None:
        """Report what is wrong, with the id of the client's message; close if that error closes (see CLOSE_CODES)."""
        if self._close_code is not None:
            return
        if self._errors == 0:
            level = logging.WARNING if _TOLD.take(1, time.monotonic()) else logging.DEBUG
            log.log(level, "session %s: %s: %s", self.session_id or "(none yet)", code, message)
        self._errors += 1
        self.tell(error_message(code, message, message_id))
        if code in CLOSE_CODES:
            self.end(CLOSE_CODES[code])
        elif self._errors >= MAX_ERRORS:
            self.refuse("too-many-errors", f"{MAX_ERRORS} messages could not be taken; the connection is closed")

    def end(self, code: int = 1000) -> None:
        """Close once everything is sent."""
        if self._close_code is None:
            self._close_code = code
            self._wake.set()

    async def _send(self) -> None:
        try:
            with own_cancellation_only():
                await self._send_all()
        except CancelledElsewhere as error:
            log.error("session %s: sending to its client ended: %s", self.session_id, error)
        except TimeoutError:
            log.warning("session %s: the client reads nothing any more and is dropped", self.session_id)
        except (WebSocketDisconnect, RuntimeError, OSError) as error:
            log.debug("session %s: sending: %r", self.session_id, error)
        finally:
            self._close_code = self._close_code or 1006
            self._unsent.clear()
            self._gone.set()
            self._stop_receiving()

    async def _send_all(self) -> None:
        while self._unsent or self._close_code is None:
            while self._unsent:
                data = self._unsent.popleft()
                self._unsent_bytes -= len(data)
                # Not wait_for, which runs each in a task of its own.
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    if isinstance(data, str):
                        await self._websocket.send_text(data)
                    else:
                        await self._websocket.send_bytes(data)
            if self._close_code is None:
                self._wake.clear()
                await self._wake.wait()
        await asyncio.wait_for(self._websocket.close(self._close_code), CLOSE_TIMEOUT_S)

    def _stop_receiving(self) -> None:
        # A client that reads nothing may keep the connection open forever: do not wait for its end.
        if self._receiving is not None:
            with contextlib.suppress(RuntimeError):
                self._receiving.reschedule(0)

    # -- in

    async def receive(self) -> str | bytes | None:
        """Return the next message, None once the connection is over. Raises ProtocolError for an empty message."""
        try:
            async with asyncio.timeout(None) as self._receiving:
                if self._gone.is_set():
                    return None
                message = await self._websocket.receive()
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            return None
        if message["type"] != "websocket.receive":
            return None
        data: str | bytes | None = message.get("text")
        if data is None:
            data = message.get("bytes")
        if data is None:
            raise ProtocolError("bad-json", "the message has no content")
        return data

    async def finish(self) -> None:
        """Send what is left, close, and end the sending task."""
        self.end()
        try:
            await asyncio.wait([self._sender], timeout=CLOSE_TIMEOUT_S)
        finally:
            await ended(self._sender)
