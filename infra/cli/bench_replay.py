"""`daredevil bench replay`: recorded sessions run again and again, with planted changes and without."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import FAILED, fail_for, out, progress, run_async

if TYPE_CHECKING:
    from infra.bench.replay import Recordings


def replay(
    sessions: Annotated[
        list[str] | None, typer.Argument(metavar="[SESSION]…", help="Only these; by default every session of the log.")
    ] = None,
    repeats: Annotated[int, typer.Option("--repeats", metavar="N", min=1, help="How often each is verified.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Verify every session of the log N times, then with 22 changed behaviours and 20 refactorings planted in the code.

    A change of behaviour must be reported, first of all at the fact or the request that it changes; it is planted until
    10 sessions have reported it. A refactoring must not be reported. Sessions that differ without a change are named
    and left out of that. Exits with 1 if a session differs, a refactoring raises an alarm, or a change is reported
    elsewhere.

    For example:

      daredevil bench replay --repeats 3
    """
    from dataclasses import asdict

    from infra.bench.replay import measure

    figures = measure(run_async(_recordings(sessions or [])), repeats, progress)
    if as_json:
        typer.echo(json.dumps(asdict(figures), indent=2))
    else:
        for line in figures.lines():
            out().print(line, markup=False)
    fail_for(figures.not_measured)
    is_elsewhere = any(each.elsewhere for each in figures.behaviour)
    if figures.different or is_elsewhere or any(each.sessions for each in figures.refactorings):
        raise typer.Exit(FAILED)


async def _recordings(sessions: list[str]) -> "Recordings":
    from infra.cli.system import log_connection
    from infra.replay.recorded_session import recorded_session
    from infra.replay.session_tapes import session_tapes
    from infra.session.index import session_rows

    async with log_connection() as nc:
        chosen = sessions or [row.session_id for row in (await session_rows(nc))[0]]
        return [(await recorded_session(nc, each), await session_tapes(nc, each)) for each in chosen]
