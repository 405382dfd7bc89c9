"""`daredevil bench replay`: recorded sessions run again and again, with planted changes and without."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import FAILED, out, progress, run_async

if TYPE_CHECKING:
    from infra.bench.replay import Recordings


def replay(
    repeats: Annotated[int, typer.Option("--repeats", metavar="N", min=1, help="How often each is verified.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Verify every session of the log N times, then with 22 changed behaviours and 20 refactorings planted in the code.

    A change of behaviour must be reported, a refactoring must not; sessions that differ without one are named and left
    out of that. Exits with 1 if a session differs or a refactoring raises an alarm.

    For example:

      daredevil bench replay --repeats 3
    """
    from dataclasses import asdict

    from infra.bench.replay import measure

    figures = measure(run_async(_recordings()), repeats, progress)
    if as_json:
        typer.echo(json.dumps(asdict(figures), indent=2))
    else:
        for line in figures.lines():
            out().print(line, markup=False)
    if figures.different or any(each.sessions for each in figures.refactorings):
        raise typer.Exit(FAILED)


async def _recordings() -> "Recordings":
    from infra.cli.system import log_connection
    from infra.replay.recorded_session import recorded_session
    from infra.replay.session_tapes import session_tapes
    from infra.session.index import session_rows

    async with log_connection() as nc:
        rows, _ = await session_rows(nc)
        return [(await recorded_session(nc, row.session_id), await session_tapes(nc, row.session_id)) for row in rows]
