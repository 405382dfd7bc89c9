"""A corpus of recorded conversations in a data directory: made call by call, and continued where it was left."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp
import nats
from websockets.exceptions import WebSocketException

from infra.bench.corpus_calls import Where, place
from infra.bench.corpus_plan import PlannedCall
from infra.bench.growth import facts_waiting
from infra.caller import CallFailed

NAME = "corpus.json"
TRIES, REST_S = 3, 10.0
"""A call that fails is tried again after a rest: its door may be starting, after a kill; a caller may wait in vain."""
MOST_S = 600.0
"""Longest conversation."""

SETTLING_S = 120.0
LOOK_S = 1.0

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A conversation of the corpus, and what went wrong with it, if anything did."""

    id: str
    kind: str
    engines: str
    session_id: str
    seconds: float
    problem: str = ""


def read_corpus(data_dir: Path) -> dict[str, RecordedCall]:
    """Return the conversations that a corpus has, by id; none if there is no corpus. Raises ValueError if broken."""
    try:
        entries = json.loads((data_dir / NAME).read_text())
    except FileNotFoundError:
        return {}
    return {entry["id"]: RecordedCall(**entry) for entry in entries}


def write_corpus(data_dir: Path, calls: Iterable[RecordedCall]) -> None:
    """Store which conversations a corpus has, atomically."""
    new = data_dir / f"{NAME}.new"
    new.write_text(json.dumps([asdict(call) for call in calls], indent=1))
    new.replace(data_dir / NAME)


async def record(
    calls: Sequence[PlannedCall], where: Where, made: dict[str, RecordedCall], at_once: int, report: Report
) -> None:
    """Hold the conversations, so many at once, and add them to `made`, which is stored after each."""
    gate = asyncio.Semaphore(at_once)

    async def one(call: PlannedCall) -> None:
        async with gate:
            done = await _recorded(call, where)
        made[call.id] = done
        write_corpus(where.data_dir, made.values())
        report(f"{len(made)}: {done.id}, {done.seconds:.0f} s{', ' if done.problem else ''}{done.problem}")

    async with asyncio.TaskGroup() as group:
        for call in calls:
            group.create_task(one(call), name=call.id)


async def settle(nats_url: str) -> None:
    """Wait until the actors have processed everything, summaries too, for SETTLING_S at most. Raises nats errors."""
    nc = await nats.connect(nats_url)
    try:
        until_s = time.monotonic() + SETTLING_S
        while await facts_waiting(nc) and time.monotonic() < until_s:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)
    finally:
        await nc.close()


async def _recorded(call: PlannedCall, where: Where) -> RecordedCall:
    began_s, problem, session_id = time.monotonic(), "", ""
    for attempt in range(TRIES):
        try:
            await asyncio.sleep(REST_S if attempt else 0)
            async with asyncio.timeout(MOST_S):
                session_id, problem = await place(call, where), ""
                break
        except (CallFailed, OSError, TimeoutError, KeyError, WebSocketException, aiohttp.ClientError) as error:
            result = error.result if isinstance(error, CallFailed) else None
            session_id = result.session_id if result is not None else session_id
            problem = str(error) or type(error).__name__
    seconds = round(time.monotonic() - began_s, 1)
    return RecordedCall(call.id, call.kind, call.system.name, session_id, seconds, problem)


def summary_lines(calls: Iterable[RecordedCall]) -> list[str]:
    """Return how many conversations there are of each kind and with which engines, as text."""
    calls = list(calls)
    kinds, engines = Counter(call.kind for call in calls), Counter(call.engines for call in calls)
    failed = [call for call in calls if call.problem]
    return [
        f"{len(calls)} conversations: {', '.join(f'{count} {kind}' for kind, count in kinds.most_common())}",
        f"with {', '.join(f'{name} {count}' for name, count in engines.most_common())}",
        *(f"  {call.id} broke off: {call.problem}" for call in failed),
    ]
