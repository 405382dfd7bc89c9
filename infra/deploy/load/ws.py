"""Locust: calls at `/ws` that type. A user calls, asks some questions, hears the answers, hangs up, and calls again."""

import json
import time
from typing import Any
from uuid import uuid4

from locust import User, between, task
from websocket import WebSocketException, create_connection

QUESTIONS = ("Hello! Who are you?", "What can you do for me?", "Thank you.")
PATIENCE_S = 60


class CallRefused(Exception):
    """The door closed the call, or said why it takes none."""


class TypingCaller(User):
    """One call after the other."""

    wait_time = between(0.5, 2)

    @task
    def call(self) -> None:
        """Place one call."""
        began_s = time.perf_counter()
        try:
            line = create_connection(f"{self.host}/ws", timeout=PATIENCE_S)
            try:
                line.send(json.dumps({"type": "hello", "mic": False}))
                self.until(line, "welcome")
                self.note("call", began_s)
                for question in QUESTIONS:
                    self.ask(line, question)
                    self.wait()
                line.send(json.dumps({"type": "hangup"}))
            finally:
                line.close()
        except (WebSocketException, OSError, CallRefused) as error:
            self.note("call", began_s, error)

    def ask(self, line: Any, text: str) -> None:
        """Type something, and note when the first sound came and when the answer was heard."""
        began_s, first, reply = time.perf_counter(), True, ""
        line.send(json.dumps({"type": "text", "id": uuid4().hex, "text": text}))
        while True:
            data = line.recv()
            if isinstance(data, bytes):
                if first:
                    first = False
                    self.note("first sound", began_s)
                continue
            message = said(data)
            if message["type"] == "reply_end":
                reply = message["reply_id"]
                # There is no loudspeaker: it is played at once.
                played = {"samples": message["samples"], "started": True, "ended": True}
                line.send(json.dumps({"type": "played", "reply_id": reply, **played}))
            elif message.get("name") == "PlaybackFinished" and message["data"]["reply_id"] == reply:
                self.note("answer heard", began_s)
                return

    def until(self, line: Any, kind: str) -> None:
        """Wait for a message of this kind."""
        while True:
            data = line.recv()
            if not isinstance(data, bytes) and said(data)["type"] == kind:
                return

    def note(self, what: str, began_s: float, error: Exception | None = None) -> None:
        """Put a row into the report."""
        self.environment.events.request.fire(
            request_type="ws",
            name=what,
            response_time=(time.perf_counter() - began_s) * 1_000,
            response_length=0,
            exception=error,
            context={},
        )


def said(data: str) -> dict[str, Any]:
    """Return a message of the door. Raises CallRefused if it is an error, or the end."""
    if not data:
        raise CallRefused("the door closed the call")
    message: dict[str, Any] = json.loads(data)
    if message["type"] == "error":
        raise CallRefused(message["code"])
    return message
