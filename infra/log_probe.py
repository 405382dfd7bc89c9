"""Whether the log takes facts right now: by what came of the last ones, and by storing something beside them."""

import asyncio
import os
import time

from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from contracts.topology import PROBE, probe_subject

ANSWER_S = 2.0
GOOD_FOR_S = 2.0
"""How long an answer stands: each costs a write to disk."""

PROBE_BYTES = 32_768
"""More than the last crumbs of a full disk, which small writes still find."""

REMEMBERED_S = 30.0
"""A fact that was refused so long ago says nothing about now, if none was tried since."""


class Refusals:
    """What came of this process's last facts; times are monotonic seconds."""

    def __init__(self) -> None:
        self._since_s: float | None = None
        self._last_s = 0.0

    def stored(self) -> None:
        """Note that the log has taken a fact."""
        self._since_s = None

    def refused(self, now_s: float) -> None:
        """Note that a fact was not stored."""
        self._since_s = now_s if self._since_s is None else self._since_s
        self._last_s = now_s

    def problem(self, now_s: float) -> str:
        """Return why the log seems to take nothing, empty if it does as far as is known."""
        if self._since_s is None or now_s - self._last_s > REMEMBERED_S:
            return ""
        return f"the log has taken none of this process's facts for {now_s - self._since_s:.0f} s"


refusals = Refusals()
"""Of this process: whoever stores facts notes it here."""


class LogProbe:
    """Asks at most every two seconds, however often it is asked."""

    def __init__(self) -> None:
        self._asked_s = -GOOD_FOR_S
        self._problem = ""
        self._asking = asyncio.Lock()

    async def problem(self, js: JetStreamContext) -> str:
        """Return why the log takes nothing, empty if it does."""
        if refused := refusals.problem(time.monotonic()):
            return refused
        async with self._asking:
            if time.monotonic() - self._asked_s >= GOOD_FOR_S:
                self._problem = await _stored(js)
                self._asked_s = time.monotonic()
            return self._problem


async def _stored(js: JetStreamContext) -> str:
    try:
        await js.publish(probe_subject(os.getpid()), bytes(PROBE_BYTES), stream=PROBE, timeout=ANSWER_S)
    except (NatsError, TimeoutError, OSError) as error:
        return f"the log takes no facts ({error or type(error).__name__}): is its disk full?"
    return ""
