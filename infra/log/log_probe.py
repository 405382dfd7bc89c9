"""Whether the log stores facts right now: from the outcome of the last ones, its limits, and a trial write."""

import asyncio
import math
import os
import time

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, StreamInfo
from nats.js.errors import NoStreamResponseError, NotFoundError

from contracts.topology import PROBE, VOICE, probe_subject
from infra.log.log_streams import client_of, log_infos

ANSWER_S = 2.0
GOOD_FOR_S = 2.0
"""How long a result is valid: each costs a write to disk."""

PROBE_BYTES = 32_768
"""Large enough to fail on a full disk, where small writes may still succeed."""

FACT_BYTES = 1_000
"""An ordinary fact."""

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
                self._problem = await log_problem(js, self._answer_s)
            return self._problem


async def log_problem(js: JetStreamContext, answer_s: float = ANSWER_S) -> str:
    """Return why the log stores nothing, empty if it does; within `answer_s`. It costs a write to disk."""
    try:
        async with asyncio.timeout(answer_s):
            limits = [full(info) for info in await log_infos(client_of(js))]
            limited = next((limit for limit in limits if limit), "")
            if not limited:
                await js.publish(probe_subject(os.getpid()), bytes(PROBE_BYTES), stream=PROBE, timeout=answer_s)
    except (NotFoundError, NoStreamResponseError):
        return f"NATS has no stream {VOICE} (or {PROBE}): any process of ours creates it when it connects"
    except (NatsError, TimeoutError, OSError) as error:
        why = str(error) or f"no answer within {answer_s:g} s"
        return f"the log stores no facts ({why}). Check whether its disk is, or was, full: NATS then needs a restart"
    return limited


def full(log: StreamInfo) -> str:
    """Return which limit of the log's stream is reached, or that it is sealed; empty if it accepts more. Pure.

    What a trial write shows is the disk and the account's limits, not those that an operator has set for this stream.
    """
    config, state = log.config, log.state
    if config.sealed:
        return f"the stream {config.name} is sealed, so the log stores no facts"
    if config.discard != DiscardPolicy.NEW:
        return ""
    for what, limit, now in (
        ("bytes", config.max_bytes, state.bytes + FACT_BYTES),
        ("messages", config.max_msgs, state.messages + 1),
    ):
        if limit is not None and 0 < limit < now:
            return f"the log is full: its stream {config.name} may hold {limit:,} {what} and accepts no more"
    return ""
