"""Locust: calls in LiveKit rooms. A user joins a room of its own and speaks; `daredevil say` is its client.

DAREDEVIL_SAY are the recordings to say, by default `tests/data/hello.wav`; the program is `daredevil` on PATH.
"""

import json
import os
import subprocess
import time

from locust import User, between, task

RECORDINGS = os.environ.get("DAREDEVIL_SAY", "tests/data/hello.wav").split()
PATIENCE_S = 180


class RoomCaller(User):
    """One call after the other, each in a new room."""

    wait_time = between(1, 3)

    @task
    def call(self) -> None:
        """Place one call, and note the response gap of each answer."""
        began_s = time.perf_counter()
        command = ["daredevil", "say", *RECORDINGS, "--door", "livekit", "--json"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        except subprocess.TimeoutExpired as error:
            self.note("call", (time.perf_counter() - began_s) * 1_000, error)
            return
        if done.returncode != 0:
            why = done.stderr.strip().splitlines()
            self.note("call", (time.perf_counter() - began_s) * 1_000, RuntimeError(why[-1] if why else "no reason"))
            return
        self.note("call", (time.perf_counter() - began_s) * 1_000)
        for turn in json.loads(done.stdout)["turns"]:
            if turn.get("gap_ms") is not None:
                self.note("response gap", turn["gap_ms"])

    def note(self, what: str, took_ms: float, error: Exception | None = None) -> None:
        """Put a row into the report."""
        self.environment.events.request.fire(
            request_type="room", name=what, response_time=took_ms, response_length=0, exception=error, context={}
        )
