"""uvicorn's protocols with limits: time for a request to come, connections of an address, frames of a WebSocket."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from bridge.rate_limit import TokenBucket
from bridge.web.connections import Connections
from bridge.web.websocket_errors import CLOSE_CODES, error_message

HEADERS_S = 10.0
"""How long the head of a request may take to arrive."""
STALLED_S = 30.0
"""How long a client may read nothing of an answer that it asked for."""
FRAMES_PER_S, FRAMES_BURST = 400, 8_000
"""Frames that a WebSocket may send: sound comes 50 to 100 times a second, and a minute of it at once after a stall."""
SLICE_BYTES = 4_096
"""How many bytes are parsed before frames are counted: an empty frame has six."""
MOST_WAITING = 16
"""How many messages of a client may wait until nothing more of it is read."""
GOODBYE_S = 1.0
"""How long a refused client has to read the reason."""

_FLOOD = f"more than {FRAMES_PER_S} frames a second came; send sound in frames of 10 ms or more, as it is made"
_FULL = "too many connections are open from this address, or at all; close some, or try again shortly"
_NO_HTTP = "this is no HTTP/1.1 request"


def _refusal(status: HTTPStatus, code: str, detail: str) -> bytes:
    """Return a complete answer for a client that is refused; the connection is closed after it."""
    problem = {"title": status.phrase, "status": status.value, "detail": detail, "code": code}
    body = json.dumps({"type": f"urn:daredevil:problem:{code}", **problem}).encode()
    retry = "Retry-After: 5\r\n" if status is HTTPStatus.SERVICE_UNAVAILABLE else ""
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/problem+json\r\n{retry}"
        f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class LimitedHttp(H11Protocol):
    """HTTP/1.1, with a connection that makes room for others while it waits, and does not wait forever."""

    def __init__(self, held: Connections, is_proxy: Callable[[str], bool], **given: Any) -> None:
        super().__init__(**given)
        self._held = held
        self._is_proxy = is_proxy
        self._is_refused = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Take a connection, or refuse it at once."""
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        if not self._held.open(transport, address, transport.abort, self._is_proxy(address)):
            self._refuse()
            return
        self._head_timer = self.loop.call_later(HEADERS_S, transport.abort)

    def _refuse(self) -> None:
        """Answer that there is no room. If it closed at once, the answer would be lost while the client still sends."""
        self._is_refused = True
        self.transport.write(_refusal(HTTPStatus.SERVICE_UNAVAILABLE, "busy", _FULL))
        self.transport.write_eof()
        self._head_timer = self.loop.call_later(GOODBYE_S, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._held.close(self.transport)
        self._stop_timers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Process what came, and see whether the head is complete."""
        if self._is_refused or self.transport.is_closing():
            return
        super().data_received(data)
        self._look()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP."""
        self.transport.write(_refusal(HTTPStatus.BAD_REQUEST, "bad-request", _NO_HTTP))
        self.transport.close()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._look()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection over to a WebSocket."""
        self._stop_timers()
        self._held.works(self.transport)
        super().handle_websocket_upgrade(event)

    def _look(self) -> None:
        if isinstance(self.transport.get_protocol(), LimitedWebSocket):
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self._held.works(self.transport)
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None
            return
        self._held.waits(self.transport)
        if self._head_timer is None:  # uvicorn's own limit for idle connections ends with the first byte
            self._head_timer = self.loop.call_later(HEADERS_S, self.transport.abort)

    def pause_writing(self) -> None:
        """Watch a client that reads slowly."""
        super().pause_writing()
        self._watch_reader(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _watch_reader(self, unread_bytes: int) -> None:
        def look() -> None:
            still = self.transport.get_write_buffer_size()
            if still >= unread_bytes:
                self.transport.abort()
            else:
                self._watch_reader(still)

        self._stall_timer = self.loop.call_later(STALLED_S, look)

    def _stop_timers(self) -> None:
        for timer in (self._head_timer, self._stall_timer):
            if timer is not None:
                timer.cancel()
        self._head_timer = self._stall_timer = None


class LimitedWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket whose frames, also empty and control frames, are counted before they cost anything."""

    def __init__(self, held: Connections, **given: Any) -> None:
        super().__init__(**given)
        self._held = held
        self._frames = TokenBucket(FRAMES_PER_S, FRAMES_BURST)
        self._refused = False

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._held.close(self.transport)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Process what came, as long as it is within the limit."""
        for start in range(0, len(data), SLICE_BYTES):
            if self._refused or self.transport.is_closing():
                return  # what still comes is discarded
            super().data_received(data[start : start + SLICE_BYTES])

    def send_receive_event_to_app(self) -> None:
        """Pass a message on; a text that is not UTF-8 closes the connection with 1007, and nothing is logged."""
        if self.curr_msg_data_type == "text" and not self.close_sent and not _is_utf8(self.frames):
            self.frames = []
            self.conn.send_close(1007, "a text message is not UTF-8")
            self.handle_parser_exception()
            return
        # uvicorn stops reading after each message until it is taken, which takes two system calls; a few may wait.
        is_room = self.queue.qsize() < MOST_WAITING and not self.read_paused
        self.read_paused = self.read_paused or is_room
        super().send_receive_event_to_app()
        self.read_paused = self.read_paused and not is_room

    def handle_events(self) -> None:
        """Count the frames, then process them."""
        if self._frames.take(len(self.conn.events), time.monotonic()):
            super().handle_events()
        else:
            self._refuse()

    def _refuse(self) -> None:
        """Send the reason, and close; the client has a moment to read it."""
        self._refused = True
        if not self.handshake_complete or self.close_sent:
            self.transport.abort()
            return
        self.stop_keepalive()
        code = CLOSE_CODES["flood"]
        self.conn.send_text(json.dumps(error_message("flood", _FLOOD)).encode())
        self.conn.send_close(code, "flood: too many frames")
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": "flood"})
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(GOODBYE_S, self.transport.close)


def _is_utf8(frames: Sequence[bytes | bytearray]) -> bool:
    try:
        b"".join(frames).decode()
    except UnicodeDecodeError:
        return False
    return True


def limited_protocols(
    held: Connections, is_proxy: Callable[[str], bool]
) -> tuple[Callable[..., LimitedHttp], Callable[..., LimitedWebSocket]]:
    """Return the factories of one server's protocols, for uvicorn's `http` and `ws`."""
    return partial(LimitedHttp, held, is_proxy), partial(LimitedWebSocket, held)
