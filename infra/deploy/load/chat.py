"""Locust: conversations by text over HTTP. A user asks, reads the answer as it is written, thinks, and asks again."""

import json
import time
from typing import Any

from locust import HttpUser, between, task

QUESTIONS = ("Hello! Who are you?", "What can you do for me?", "And what is that good for?", "Thank you.")


class TextCaller(HttpUser):
    """One conversation after the other."""

    wait_time = between(0.5, 2)

    @task
    def converse(self) -> None:
        """Hold one conversation."""
        session: dict[str, Any] = {}
        for question in QUESTIONS:
            if not self.ask(question, session):
                return
            self.wait()
        self.client.post(
            f"/sessions/{session['session_id']}/close",
            headers={"Authorization": f"Bearer {session['resume_token']}"},
            name="hang up",
        )

    def ask(self, text: str, session: dict[str, Any]) -> bool:
        """Ask, and note when the first token and the whole answer were there; return whether it was answered."""
        began_s = time.perf_counter()
        body = {"text": text, **session}
        with self.client.post(
            "/chat", json=body, headers={"Accept": "text/event-stream"}, stream=True, name="answer", catch_response=True
        ) as answer:
            if answer.status_code != 200:
                answer.failure(f"{answer.status_code}: {answer.text[:200]}")
                return False
            name, size, first = "", 0, True
            for line in answer.iter_lines(decode_unicode=True):
                size += len(line)
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    data = json.loads(line.removeprefix("data: "))
                    if name == "session":
                        session["session_id"] = data["session_id"]
                        session.setdefault("resume_token", data.get("resume_token"))
                    elif name == "token" and first:
                        first = False
                        self.note("first token", began_s, 0)
                    elif name in ("done", "error"):
                        break
            if name != "done":
                answer.failure(f"it ended with {name or 'nothing'}")
            self.note("whole answer", began_s, size, None if name == "done" else RuntimeError(name))
            return name == "done"

    def note(self, what: str, began_s: float, size: int, error: Exception | None = None) -> None:
        """Put a row of its own into the report."""
        self.environment.events.request.fire(
            request_type="turn",
            name=what,
            response_time=(time.perf_counter() - began_s) * 1_000,
            response_length=size,
            exception=error,
            context={},
        )
