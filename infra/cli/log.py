"""`daredevil sessions` and `daredevil events`: the log, readable."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.output import BAD_INPUT, err, fail, out, run_async

if TYPE_CHECKING:
    from infra.log.event_log import Fact
    from infra.session.index import SessionRow


def sessions(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
    limit: Annotated[int, typer.Option(help="How many of the newest; 0 shows all.", min=0)] = 50,
) -> None:
    """List the conversations in the log, the oldest first.

    Reads the running log, or starts the log alone for this command.
    """
    from infra.cli.system import LogEmpty

    try:
        shown, total = run_async(_sessions(limit))
    except LogEmpty as nothing:
        err().print(str(nothing), markup=False)
        return
    if as_json:
        for row in shown:
            typer.echo(json.dumps(row.fields()))
        return
    _print_sessions(shown, total)


async def _sessions(limit: int) -> "tuple[list[SessionRow], int]":
    from infra.cli.system import log_connection
    from infra.memory.presence import who_is_where
    from infra.session.index import session_rows

    async with log_connection() as nc:
        rows, total = await session_rows(nc, limit)
        presence = await who_is_where(nc)
    for row in rows:
        if not row.closed:
            row.here = tuple(one.user_id or one.participant_id for one in presence.get(row.session_id, ()))
    return rows, total


HEAD = ("session", "began (UTC)", "length", "door", "user", "turns", "state")
RIGHT = ("length", "turns")
LEAST_USER, LEAST_STATE = 6, 8
"""The least number of characters to which these are cut or wrapped on a narrow terminal."""


def _print_sessions(rows: "list[SessionRow]", total: int) -> None:
    from rich.markup import escape

    lines = table_of_sessions(rows, out().width)
    out().print(f"[bold]{lines[0]}[/]")
    for line in lines[1:]:
        out().print(escape(line))
    if len(rows) < total:
        err().print(f"the newest {len(rows)} of {total}; --limit 0 shows all")


def table_of_sessions(rows: "list[SessionRow]", width: int) -> list[str]:
    """Return the table's lines, the header first; long user ids are cut and states wrapped to fit if possible."""
    from textwrap import wrap

    cells = [_cells(row) for row in rows]
    widths = [max(len(line[column]) for line in (HEAD, *cells)) for column in range(len(HEAD))]
    gap = "  " if sum(widths) + 2 * (len(HEAD) - 1) <= width else " "
    taken = sum(widths[:-1]) + len(gap) * (len(HEAD) - 1)
    user = HEAD.index("user")
    cut = min(max(0, taken + min(widths[-1], LEAST_STATE) - width), max(0, widths[user] - LEAST_USER))
    widths[user] -= cut
    room = max(LEAST_STATE, width - taken + cut)
    lines = []
    for line in (HEAD, *cells):
        shown = [text if len(text) <= size else f"{text[: size - 1]}…" for text, size in zip(line, widths, strict=True)]
        left = gap.join(
            text.rjust(size) if name in RIGHT else text.ljust(size)
            for name, text, size in zip(HEAD[:-1], shown, widths, strict=False)
        )
        first, *more = wrap(line[-1], room) or [""]
        lines.append(f"{left}{gap}{first}".rstrip())
        lines += [" " * (len(left) + len(gap)) + text for text in more]
    return lines


def _cells(row: "SessionRow") -> tuple[str, ...]:
    import time

    began = time.strftime("%Y-%m-%d %H:%M", time.gmtime(row.opened_ns / 1e9))
    state = row.closed or (f"open: {', '.join(row.here)}" if row.here else "open")
    minutes, seconds = divmod(round(row.seconds), 60)
    hours, minutes = divmod(minutes, 60)
    length = f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
    return row.session_id, began, length, row.door, " ".join(row.user_id.split()), str(row.turns), state


def events(
    session: Annotated[str, typer.Argument(help="A session id, as `daredevil sessions` lists them.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Continue as facts arrive, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line, with all fields.")] = False,
) -> None:
    """Show everything that happened in a session, in the log's order.

    Each line: seconds since the session began, sequence in the log, event, main fields. Reads the running log, or
    starts the log alone for this command.
    """
    from contracts.topology import checked_session
    from infra.cli.system import LogEmpty

    try:
        checked_session(session)
        unknown = run_async(_events(session, follow, as_json))
    except (ValueError, LogEmpty) as error:
        fail(str(error), BAD_INPUT)
    if unknown:
        fail(unknown, BAD_INPUT)


async def _events(session: str, follow: bool, as_json: bool) -> str:
    """Print the session's facts; return why there are none, if there are none."""
    from infra.cli.system import log_connection
    from infra.log.event_log import history
    from infra.log.log_streams import has_log
    from infra.session.index import no_such_session

    async with log_connection() as nc:
        if not await has_log(nc):
            return await no_such_session(nc, session)
        first_ns, last = 0, 0
        async for fact in history(nc, session):
            first_ns, last = first_ns or fact.event.time_ns, fact.sequence
            _print_fact(fact, first_ns, as_json)
        if not last:
            return await no_such_session(nc, session)
        if follow:
            await _follow(session, last, first_ns, as_json)
        return ""


CONNECT_S = 5.0
"""How long a NATS that has just answered may take to answer once more."""


async def _follow(session: str, after: int, first_ns: int, as_json: bool) -> None:
    import asyncio

    from contracts.topology import OPERATOR
    from infra.log.broker import make_broker
    from infra.log.session_feed import SessionFeed

    broker = make_broker(OPERATOR)
    async with asyncio.timeout(CONNECT_S):  # it would wait for one that has gone for as long as that takes
        await broker.connect()
    try:
        async with SessionFeed(broker, session, after) as feed:
            async for fact in feed:
                _print_fact(fact, first_ns, as_json)
    finally:
        await broker.stop()


def _print_fact(fact: "Fact", first_ns: int, as_json: bool) -> None:
    from infra.export.describe import describe

    event = fact.event
    if as_json:
        data: dict[str, Any] = event.model_dump(mode="json", exclude_none=True)
        line = {"sequence": fact.sequence, "name": type(event).__name__, "data": data}
        typer.echo(json.dumps(line))
        return
    from rich.markup import escape

    name, fields = describe(event)
    offset_s = (event.time_ns - first_ns) / 1e9
    out().print(f"[dim]{offset_s:9.3f} {fact.sequence:6d}[/] [{event_colour(name)}]{name:<21}[/] {escape(fields)}")


def event_colour(name: str) -> str:
    """Return the colour of an event's name on a terminal."""
    return _COLOURS.get(event_noun(name), "white")


def event_noun(name: str) -> str:
    """Return the first word of an event's name: what it is about."""
    end = next((index for index, letter in enumerate(name) if index and letter.isupper()), len(name))
    return name[:end]


_COLOURS = {
    "Session": "bold white",
    "Speech": "cyan",
    "Transcript": "cyan",
    "Utterance": "cyan",
    "Turn": "bold green",
    "Interruption": "yellow",
    "Reply": "magenta",
    "Tool": "magenta",
    "Clause": "blue",
    "Playback": "bold blue",
    "Engine": "bold red",
}
