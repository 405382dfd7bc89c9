"""What JetStream says of the log: its streams, how far its consumers are, dead letters, room. One process asks."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from faststream.nats import NatsBroker
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo, StreamState
from nats.js.errors import NotFoundError

from contracts.topology import DEAD, VOICE, dead_subject
from infra.log.connection import jetstream
from infra.log.log_probe import LogProbe, refusals
from infra.log.log_streams import client_of, streams_of_log
from infra.log.nats_reach import why_away
from infra.metrics import table as t
from infra.metrics.metric import Gauge, Observed
from infra.process.tasks import again_and_again, ended

LOOK_S = 5.0
PROBE_S = 10.0
"""How often a trial write is made: each is a write to disk."""

STALE_S = 30.0
"""What was seen longer ago is not told: an old figure looks like a good one."""

PAGE = 256
"""How many entries JetStream lists in one answer."""

AWAY = (NatsError, TimeoutError, OSError)

Seen = dict[Gauge, list[tuple[float, tuple[str, ...]]]]

OF_JETSTREAM = (
    t.PENDING,
    t.UNACKNOWLEDGED,
    t.REDELIVERED,
    t.LAG,
    t.DEAD_LETTERS,
    t.STREAM_MESSAGES,
    t.STREAM_SIZE,
    t.STORAGE_USED,
    t.STORAGE_LIMIT,
    t.LOG_SEQUENCE,
)


class LogFigures:
    """Looks at the log every few seconds, while `measured` lasts. `folder` is one on the disk of the embedded NATS."""

    def __init__(self, broker: NatsBroker, folder: Path) -> None:
        self._broker = broker
        self._folder = folder
        self._probe = LogProbe(PROBE_S)
        self._problem = "not looked at yet"
        self._seen: Seen = {}
        self._looked_s = float("-inf")

    @asynccontextmanager
    async def measured(self) -> AsyncIterator[None]:
        """Measure the log within a block."""
        with ExitStack() as stack:
            for gauge in OF_JETSTREAM:
                stack.enter_context(gauge.observed_by(partial(self._tell, gauge)))
            stack.enter_context(t.LOG_READY.observed_by(lambda: [(not self._why_not_ready(), ())]))
            stack.enter_context(t.DISK_FREE.observed_by(lambda: self._disk("free")))
            stack.enter_context(t.DISK_SIZE.observed_by(lambda: self._disk("total")))
            looking = asyncio.create_task(
                again_and_again(self._look_and_wait, "figures of the log"), name="figures of the log"
            )
            try:
                yield
            finally:
                await ended(looking)

    def _tell(self, gauge: Gauge) -> Observed:
        is_fresh = time.monotonic() - self._looked_s < STALE_S
        return self._seen.get(gauge, ()) if is_fresh else ()

    def _why_not_ready(self) -> str:
        return self._problem or refusals.problem(time.monotonic())

    def _disk(self, figure: str) -> Observed:
        try:
            return [(getattr(shutil.disk_usage(self._folder), figure), ())]
        except OSError:
            return ()

    async def _look_and_wait(self) -> None:
        await self.look()
        await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Look once. Raises nothing of NATS: a log that does not answer is not ready."""
        js = jetstream(self._broker)
        try:
            self._problem = await self._probe.problem(js)
            self._seen = await _seen(js)
            self._looked_s = time.monotonic()
        except AWAY as error:
            self._problem = self._problem or why_away(error)


async def _seen(js: JetStreamContext) -> Seen:
    seen: Seen = {gauge: [] for gauge in OF_JETSTREAM}
    log = (await streams_of_log(client_of(js))).names
    states: dict[str, list[StreamState]] = {}
    for stream in await js.streams_info():
        name = stream.config.name or ""
        states.setdefault(VOICE if name in log else name, []).append(stream.state)
    if VOICE in states:
        seen[t.LOG_SEQUENCE].append((sum(state.last_seq for state in states[VOICE]), ()))
    for name in t.STREAM.values:
        if name in states:
            seen[t.STREAM_MESSAGES].append((sum(state.messages for state in states[name]), (name,)))
            seen[t.STREAM_SIZE].append((sum(state.bytes for state in states[name]), (name,)))
    await _see_consumers(js, log, seen)
    letters = dict.fromkeys((values[0] for _, values in seen[t.PENDING]), 0) | await _dead_letters(js)
    seen[t.DEAD_LETTERS] = [(count, (durable,)) for durable, count in letters.items()]
    account = await js.account_info()
    seen[t.STORAGE_USED].append((account.storage, ()))
    if (account.limits.max_storage or -1) > 0:
        seen[t.STORAGE_LIMIT].append((account.limits.max_storage, ()))
    return seen


async def _see_consumers(js: JetStreamContext, log: Iterable[str], seen: Seen) -> None:
    """See the durables: of one that is in several partitions the sum, and the longest lag."""
    found: dict[str, list[ConsumerInfo]] = {}
    for stream in log:
        for consumer in await _durables(js, stream):
            found.setdefault(consumer.name, []).append(consumer)
    for durable, consumers in found.items():
        name = (durable,)
        seen[t.PENDING].append((sum(each.num_pending or 0 for each in consumers), name))
        seen[t.UNACKNOWLEDGED].append((sum(each.num_ack_pending or 0 for each in consumers), name))
        seen[t.REDELIVERED].append((sum(each.num_redelivered or 0 for each in consumers), name))
        seen[t.LAG].append((max([await _lag_s(js, each) for each in consumers]), name))


async def _durables(js: JetStreamContext, stream: str) -> list[ConsumerInfo]:
    """Return the durable consumers of a stream. There may be many others: each reader of a session has one."""
    found: list[ConsumerInfo] = []
    offset = 0
    while True:
        page = await js.consumers_info(stream, offset)
        found += [consumer for consumer in page if consumer.config.durable_name]
        if len(page) < PAGE:
            return found
        offset += len(page)


async def _lag_s(js: JetStreamContext, consumer: ConsumerInfo) -> float:
    """Return the age of the oldest message that a consumer has not been given; 0 if it has been given all."""
    if not consumer.num_pending:
        return 0.0
    after = consumer.delivered.stream_seq if consumer.delivered is not None else 0
    ages_s = [0.0]
    for subject in _filters(consumer):
        try:
            message = await js.get_msg(consumer.stream_name, seq=after + 1, subject=subject, next=True, direct=True)
        except NotFoundError:
            continue
        if message.time is not None:
            ages_s.append(time.time() - message.time.timestamp())
    return max(ages_s)


def _filters(consumer: ConsumerInfo) -> Iterable[str]:
    return consumer.config.filter_subjects or [consumer.config.filter_subject or ">"]


async def _dead_letters(js: JetStreamContext) -> dict[str, int]:
    """Return how many dead letters there are, by the consumer they are of."""
    begin = dead_subject("")
    subjects = (await js.stream_info(DEAD, subjects_filter=f"{begin}>")).state.subjects or {}
    return {subject.removeprefix(begin): count for subject, count in subjects.items()}
