"""`daredevil erase`: removes what a person said, permanently."""

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import BAD_INPUT, err, fail, out, run_async

if TYPE_CHECKING:
    from infra.erasure import Receipt
    from infra.erasure.reading import StoredSession

ASKED = "asked by the person"


def erase(
    user: Annotated[str, typer.Option(help="Whose words: all sessions of this user.", metavar="USER")] = "",
    session: Annotated[str, typer.Option(help="One session only.", metavar="SESSION")] = "",
    reason: Annotated[str, typer.Option(help="Kept in the log.")] = ASKED,
    force: Annotated[bool, typer.Option("--force", help="Close sessions that are still open.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The receipt as a JSON object.")] = False,
) -> None:
    """Erase a person's words from log, tables, recordings and caches permanently, and print a receipt.

    The log keeps a skeleton: which facts there were, when, and their ids. Works on the running system, or starts the
    log alone; tables then follow when the system runs. If an erasure was interrupted, run the command again.
    """
    from infra.cli.system import LogEmpty
    from infra.erasure import EraseIncomplete, SessionStillOpen, UnknownSession
    from infra.log.event_log import LogUnavailable
    from infra.log.stream_reader import StreamUnreadable

    if user and session:
        fail("--user and --session cannot go together: give one of them", BAD_INPUT)
    if not user and not session:
        fail("it is not clear whose words to erase: give --user USER or --session SESSION", BAD_INPUT)
    try:
        receipt = run_async(_erase(user, session, reason, force, yes))
    except (LogEmpty, UnknownSession, SessionStillOpen, ValueError) as error:
        fail(str(error.args[0]), BAD_INPUT)
    except (EraseIncomplete, LogUnavailable, StreamUnreadable) as error:
        fail(str(error))
    if as_json:
        typer.echo(json.dumps(receipt.fields()))
    else:
        print_receipt(receipt)


async def _erase(user: str, session: str, reason: str, force: bool, yes: bool) -> "Receipt":
    import asyncio

    from contracts.topology import OPERATOR
    from infra.cli.system import log_connection
    from infra.erasure import erase_session, erase_user, sessions_of
    from infra.erasure.reading import stored_session
    from infra.log.broker import broker_on
    from infra.log.common_time import agree

    async with log_connection() as nc:
        broker = broker_on(nc, OPERATOR)
        await agree(nc)
        if not yes:
            sessions = [await stored_session(nc, session)] if session else await sessions_of(broker, user)
            known = [session for session in sessions if session.facts]
            if known:
                await asyncio.to_thread(_ask, known)  # Ctrl-C ends it there, too
        if session:
            return await erase_session(broker, session, reason, force)
        return await erase_user(broker, user, reason, force)


def _ask(sessions: "Sequence[StoredSession]") -> None:
    """Print what will be erased, and end the command unless the user confirms it."""
    for session in sessions:
        began = _time(session.opened_ns) if session.opened_ns else "(opening erased)"
        size = sum(bearing.size for bearing in session.bearing) / 1e3
        state = "open" if session.is_open else "closed"
        err().print(
            f"{session.session_id}  {began}  {state}  {len(session.bearing)} of {session.facts} facts contain words "
            f"({size:.1f} kB), and its recording",
            markup=False,
        )
    typer.confirm("Erase these words permanently?", abort=True, err=True)


def print_receipt(receipt: "Receipt") -> None:
    """Print a receipt for people."""
    whose = f" of user {receipt.user_id!r}" if receipt.user_id else ""
    out().print(f"Erased the words{whose} on {_time(receipt.began_ns)} in {receipt.took_ms / 1e3:.2f} s.", markup=False)
    out().print(f"Reason: {receipt.reason}", markup=False)
    for session in receipt.sessions:
        removed = session.facts.total()
        out().print(f"\nSession {session.session_id}", markup=False)
        out().print(f"  facts removed    {removed} ({session.fact_bytes / 1e3:.1f} kB), overwritten on disk")
        for name, count in sorted(session.facts.items()):
            out().print(f"    {count:5d} {name}", markup=False)
        out().print(f"  recording        {session.recording_chunks} chunks ({session.recording_bytes / 1e3:.1f} kB)")
        out().print(f"  tapes            {session.tape_chunks} chunks ({session.tape_bytes / 1e3:.1f} kB)")
        out().print(f"  captured sound   {session.sound_frames} frames")
        out().print(f"  dead letters     {session.dead_letters}")
        where = f"at {session.erased_sequence} in the log"
        out().print(f"  skeleton         {session.skeleton} facts without words, {where}")
    out().print()
    for name, count in receipt.caches.items():
        out().print(f"{name}: {count} answers", markup=False)
    for name, state in receipt.projections.items():
        out().print(f"{name}: {state}", markup=False)
    _print_list("What remains on purpose:", receipt.remains)
    _print_list("What this cannot reach:", receipt.out_of_reach)


def _print_list(title: str, lines: Sequence[str]) -> None:
    out().print(f"\n{title}", markup=False)
    for line in lines:
        out().print(f"  - {line}", markup=False)


def _time(time_ns: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(time_ns / 1e9))
