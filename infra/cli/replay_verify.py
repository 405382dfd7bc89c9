"""`daredevil replay … --verify`: recorded sessions run again and compared, many of them in parallel."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from contracts.ids import is_id
from infra.cli.ages import age_s
from infra.cli.output import BAD_INPUT, FAILED, err, out, progress, run_async
from infra.cli.system import log_connection
from infra.log.event_log import Fact
from infra.replay.recorded_session import NotInLog, RecordedSession, recorded_session
from infra.replay.report import as_fields, details, summary
from infra.replay.session_tapes import SessionTapes, session_tapes
from infra.replay.verify import Verification, verify
from infra.session.index import session_rows
from infra.system.workers import WorkerProcesses

if TYPE_CHECKING:
    from nats.aio.client import Client

UNVERIFIED = BAD_INPUT
"""Exit code if something could not be verified, or nothing has ended yet; FAILED if something differs."""

FEW = 3
"""So many sessions are verified sooner in this process than others have imported the actors."""


@dataclass(frozen=True, slots=True)
class WhichSessions:
    """The sessions to verify: those named, or all of the log that are young enough and of this user."""

    named: tuple[str, ...] = ()
    is_all: bool = False
    since: str | None = None
    user_id: str | None = None


def verify_sessions(which: WhichSessions, as_json: bool) -> NoReturn:
    """Verify sessions and print what came of them; exit with 0, 1 or 2. Raises ValueError, LookupError."""
    begun_s = time.perf_counter()
    done: list[Verification] = []
    named = which.named if not (which.is_all or which.since or which.user_id) else ()
    if len(named) == 1:
        loaded = run_async(_loaded(named[0]))
        found, lines = _verified(*loaded)
        _print(found, lines, as_json, is_one=True)
        done.append(found)
    else:
        run_async(_verify_many(which, as_json, done))
        _tell_all(done, time.perf_counter() - begun_s, as_json)
    raise typer.Exit(exit_code(done))


def exit_code(done: list[Verification]) -> int:
    """Return 1 if a session differs, 2 if one could not be verified or none has ended, else 0."""
    found = {each.status for each in done}
    if "different" in found:
        return FAILED
    return UNVERIFIED if "unverified" in found or "identical" not in found else 0


async def _loaded(session_id: str) -> tuple[RecordedSession, SessionTapes]:
    async with log_connection() as nc:
        return await _load(nc, session_id)


async def _load(nc: "Client", session_id: str) -> tuple[RecordedSession, SessionTapes]:
    # A session that goes on: of what is on its tapes every fact is in the log.
    tapes = await session_tapes(nc, session_id)
    return await recorded_session(nc, session_id), tapes


async def _verify_many(which: WhichSessions, as_json: bool, done: list[Verification]) -> None:
    """Verify sessions in processes, at most two in work for each; a few in this one."""
    room = asyncio.Semaphore(2 * (os.cpu_count() or 1))
    loop = asyncio.get_running_loop()
    async with log_connection() as nc:
        ids = [session_id async for session_id in _ids(nc, which)]
        if not ids:
            raise LookupError("there is no such session in the log: `daredevil sessions` lists those it has")
        with _workers(len(ids)) as pool:

            async def one(session_id: str) -> None:
                async with room:
                    try:
                        loaded = await _load(nc, session_id)
                    except NotInLog as error:
                        found = Verification(session_id, remarks=[str(error.args[0])])
                        lines: list[str] = []
                    else:
                        found, lines = await loop.run_in_executor(pool, _verified, *loaded)
                done.append(found)
                _print(found, lines, as_json, is_one=False)
                if not as_json and err().is_terminal:
                    progress(f"{len(done)} of {len(ids)} sessions")

            async with asyncio.TaskGroup() as group:
                for session_id in ids:
                    group.create_task(one(session_id))


@contextmanager
def _workers(sessions: int) -> Iterator[Executor]:
    """Yield what verifies so many sessions: a thread of this process for a few, which share what is global to it."""
    if sessions > FEW:
        with WorkerProcesses(min(os.cpu_count() or 1, sessions)) as workers:
            yield workers
        return
    thread = ThreadPoolExecutor(1)
    try:
        yield thread
    finally:
        thread.shutdown(wait=False, cancel_futures=True)  # where the command is ended it is not waited for


def _verified(session: RecordedSession, tapes: SessionTapes) -> tuple[Verification, list[str]]:
    """Verify in a process of the pool or this one; the lines are made here, as only here the actors are loaded."""
    from infra.replay.registry import ACTORS  # takes seconds: not for a session that there is not

    found = verify(session, tapes, ACTORS)
    return found, list(details(found, _facts(session)))


async def _ids(nc: "Client", which: WhichSessions) -> AsyncIterator[str]:
    """Yield the ids of the sessions that are meant."""
    if which.named:
        for session_id in which.named:
            yield session_id
        return
    oldest_ns = time.time_ns() - round(age_s(which.since) * 1e9) if which.since else 0
    rows, _ = await session_rows(nc)
    for row in rows:
        if row.opened_ns >= oldest_ns and which.user_id in (None, row.user_id):
            yield row.session_id


def ids_in(name: str) -> tuple[str, ...]:
    """Return the session ids in a file, one a line, or from standard input (`-`). Raises ValueError."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is not text: session ids are expected, one a line") from error
    ids = tuple(line.split()[0] for line in text.splitlines() if line.strip() and not line.startswith("#"))
    if not ids:
        raise ValueError(f"{name} has no session ids: one a line is expected")
    if wrong := next((each for each in ids if not is_id(each)), None):
        raise ValueError(f"{name} has {wrong[:80]!r}, which is not a session id: one a line is expected")
    return ids


def _print(found: Verification, lines: list[str], as_json: bool, is_one: bool) -> None:
    if as_json:
        typer.echo(json.dumps(as_fields(found)))
        return
    head = summary(found) if is_one else f"{found.session_id}  {summary(found)}"
    out().print(head, markup=False)
    for line in lines if is_one or found.status == "different" else ():
        out().print(line if is_one else f"  {line}", markup=False)


def _tell_all(done: list[Verification], took_s: float, as_json: bool) -> None:
    if as_json:
        return
    counts = [(status, sum(each.status == status for each in done)) for status in ("identical", "different")]
    counts.append(("not verified", sum(each.status == "unverified" for each in done)))
    counts.append(("still open", sum(each.status == "open" for each in done)))
    said = ", ".join(f"{count} {status}" for status, count in counts if count) or "none"
    facts, call_s = sum(each.same for each in done), sum(each.call_s for each in done)
    speed = f" ({call_s / took_s:.0f} x real time)" if took_s else ""
    out().print(f"{len(done)} sessions: {said}; {facts} facts came out as they were, {took_s:.1f} s{speed}")


def _facts(session: RecordedSession) -> list[Fact]:
    return [Fact(fact.sequence, fact.event) for fact in session.facts]
