"""Whether the log stores facts right now: from the outcome of the last ones, and from a trial write."""

import asyncio
import math
import os
import time

from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from contracts.topology import PROBE, probe_subject
from infra.log.connection import cancellation_kept

ANSWER_S = 2.0
GOOD_FOR_S = 2.0
"""How long a result is valid: each costs a write to disk."""

PROBE_BYTES = 32_768
"""Large enough to fail on a full disk, where small writes may still succeed."""

REMEMBERED_S = 30.0
"""A refusal this long ago says nothing about now, if no fact was tried since."""


class Refusals:
    """The outcome of this process's last appends; times are monotonic seconds."""

    def __init__(self) -> None:
        self._since_s: float | None = None
        self.last_s = 0.0
        """When a fact was refused last."""
        self._back_s = -math.inf

    def stored(self) -> None:
        """Note that the log has stored a fact."""
        self._since_s = None

    def back(self, now_s: float) -> None:
        """Note that NATS answers again after an outage: facts that were not stored before it no longer count."""
        self._since_s, self._back_s = None, now_s

    def refused(self, tried_s: float, now_s: float) -> None:
        """Note that a fact that was first tried at `tried_s` was not stored."""
        if tried_s < self._back_s:
            return
        self._since_s = now_s if self._since_s is None else self._since_s
        self.last_s = now_s

    def problem(self, now_s: float) -> str:
        """Return why the log seems to store nothing; empty if it does as far as is known."""
        if self._since_s is None or now_s - self.last_s > REMEMBERED_S:
            return ""
        return f"the log has stored none of this process's facts for {now_s - self._since_s:.0f} s"


refusals = Refusals()
"""This process's record: every append is noted here."""


class LogProbe:
    """Tries a write at most every `good_for_s`, however often it is called; sooner if a fact was refused meanwhile."""

    def __init__(self, good_for_s: float = GOOD_FOR_S, answer_s: float = ANSWER_S) -> None:
        self._good_for_s = good_for_s
        self._answer_s = answer_s
        self._asked_s = -math.inf
        self._problem = ""
        self._asking = asyncio.Lock()

    async def problem(self, js: JetStreamContext) -> str:
        """Return why the log stores nothing; empty if it does."""
        async with self._asking:
            now_s = time.monotonic()
            if now_s - self._asked_s >= self._good_for_s or refusals.last_s > self._asked_s:
                self._asked_s = now_s
                self._problem = await _stored(js, self._answer_s)
            return self._problem


async def _stored(js: JetStreamContext, answer_s: float) -> str:
    try:
        with cancellation_kept():
            await js.publish(probe_subject(os.getpid()), bytes(PROBE_BYTES), stream=PROBE, timeout=answer_s)
    except (NatsError, TimeoutError, OSError) as error:
        return f"the log stores no facts ({error or type(error).__name__}). Check whether its disk is full"
    return ""
