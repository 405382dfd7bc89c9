"""Turns by text while NATS is far away or its connections are cut: how late each is, and whether it is there once."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from nats.aio.client import Client

from contracts.codec import decode
from contracts.events import TurnEnded, TurnRecorded
from contracts.topology import event_subjects
from infra.bench.attempts import NotMeasured
from infra.bench.statistics import percentile
from infra.bench.toxiproxy import Toxiproxy
from infra.caller.chat import ChatClient, ChatFailed
from infra.log.log_streams import log_messages
from infra.process.tasks import ended

AGAIN_S = 0.5
"""How long a caller who was refused waits: as a client would."""
PATIENCE_S = 60.0
"""After this a turn counts as not answered."""
RECORDED_S = 60.0
"""How long the record of the last turns may take."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong for the length of a run: each message is late by `delay_ms` each way, connections are cut."""

    name: str
    delay_ms: int = 0
    cut_every_s: float = 0
    """0: never."""


FAULTS = (
    Fault("none"),
    Fault("100 ms each way", delay_ms=100),
    Fault("500 ms each way", delay_ms=500),
    Fault("connections cut every 3 s", cut_every_s=3),
)


@dataclass(slots=True)
class FaultRun:
    """What came of the turns of one run. Times are ms from asking to the end of the answer."""

    fault: str
    turns: int
    answered: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    """Attempts that were told to try again, or broke off, by the door's code; the turn was asked again."""
    not_answered: int = 0
    p50_ms: float = 0
    p95_ms: float = 0
    lost: int = 0
    """Turns that the caller saw answered and the log has no record of."""
    double: int = 0
    """Turns with two records, or two ends."""


@dataclass(frozen=True, slots=True)
class SlowNatsFigures:
    """The outcome of all runs."""

    callers: int
    runs: list[FaultRun] = field(default_factory=list)
    not_measured: list[NotMeasured] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether each turn that was answered is in the log once."""
        return not any(run.lost or run.double for run in self.runs)


async def measure_fault(door: str, nc: Client, proxy: Toxiproxy, callers: int, turns: int, fault: Fault) -> FaultRun:
    """Have callers talk by text under a fault, so many turns each; `nc` reads the log past the proxy.

    Raises httpx.HTTPError if the proxy does not answer, nats errors.
    """
    try:
        await proxy.delay(fault.delay_ms)
        async with _cut(proxy, fault.cut_every_s):
            run, answered = await _talk(door, fault, callers, turns)
    finally:
        await proxy.delay(0)
    await _compare(nc, run, answered)
    return run


@asynccontextmanager
async def _cut(proxy: Toxiproxy, every_s: float) -> AsyncIterator[None]:
    async def cutting() -> None:
        while True:
            await asyncio.sleep(every_s)
            await proxy.cut()

    if not every_s:
        yield
        return
    task = asyncio.create_task(cutting(), name="cutting connections")
    try:
        yield
    finally:
        await ended(task)


async def _talk(door: str, fault: Fault, callers: int, turns: int) -> tuple[FaultRun, set[str]]:
    run = FaultRun(fault.name, callers * turns)
    answered: set[str] = set()
    took_ms: list[float] = []
    async with httpx.AsyncClient() as http:

        async def caller() -> None:
            client = ChatClient(http, door, {})
            for number in range(turns):
                began_s = time.monotonic()
                turn_id = await _turn(client, f"Question {number}?", run, began_s + PATIENCE_S)
                if not turn_id:  # this caller gives up
                    run.not_answered += turns - number
                    return
                answered.add(turn_id)
                took_ms.append((time.monotonic() - began_s) * 1_000)
            await client.hang_up()

        async with asyncio.TaskGroup() as group:
            for _ in range(callers):
                group.create_task(caller())
    run.answered = len(answered)
    run.p50_ms, run.p95_ms = round(percentile(took_ms, 0.5)), round(percentile(took_ms, 0.95))
    return run, answered


async def _turn(client: ChatClient, text: str, run: FaultRun, until_s: float) -> str:
    """Ask until it is answered; return the turn's id, empty if there was no answer in time."""
    while time.monotonic() < until_s:
        turn_id = ""
        try:
            async for event in client.say(text):
                turn_id = str(event.data.get("turn_id", turn_id))
        except ChatFailed as error:
            code = error.code or "broken off"
            run.refused[code] = run.refused.get(code, 0) + 1
            await asyncio.sleep(AGAIN_S)
        else:
            return turn_id
    return ""


async def _compare(nc: Client, run: FaultRun, answered: set[str]) -> None:
    """Wait until the log has a record of each answered turn, and count what is missing or there twice."""
    until_s = time.monotonic() + RECORDED_S
    while True:
        ends, records = await _turns_of(nc, TurnEnded), await _turns_of(nc, TurnRecorded)
        missing = [turn for turn in answered if not records[turn]]
        if not missing or time.monotonic() > until_s:
            break
        await asyncio.sleep(AGAIN_S)
    run.lost = len(missing)
    run.double = sum(ends[turn] > 1 or records[turn] > 1 for turn in ends.keys() | records.keys())


async def _turns_of(nc: Client, kind: type[TurnEnded] | type[TurnRecorded]) -> Counter[str]:
    """Return how many facts of a class each turn has, over the whole log."""
    found: Counter[str] = Counter()
    async for message in log_messages(nc, event_subjects(kind)):
        found[decode(message.subject, message.data).turn_id or ""] += 1
    return found
