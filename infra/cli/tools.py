"""`daredevil tools`: what the agents' tools were called for, and what came of it."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import BAD_INPUT, err, fail, out, run_async

if TYPE_CHECKING:
    from infra.session.tool_calls import ToolCall

app = typer.Typer(
    invoke_without_command=True,
    help="""Calls of tools, and what came of each.

Where a process died while an action ran, nobody knows whether it took effect: find out, and say so with `settle`.

Examples:

  daredevil tools

  daredevil tools --unknown

  daredevil tools --session SESSION --json

  daredevil tools settle CALL_ID --result "booked, table 4"

  daredevil tools settle CALL_ID --failed "there was no such booking"
""",
)

MOST_CHARS = 100
"""How much of arguments and results is shown in a line."""

Unknown = Annotated[bool, typer.Option("--unknown", help="Only actions whose effect nobody knows.")]
Session = Annotated[str, typer.Option("--session", metavar="SESSION", help="Only those of one session.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object per line.")]


@app.callback()
def tools(context: typer.Context, unknown: Unknown = False, session: Session = "", as_json: Json = False) -> None:
    """List calls of tools, if no command is given."""
    if context.invoked_subcommand is None:
        list_calls(unknown, session, as_json)


@app.command("list")
def list_calls(unknown: Unknown = False, session: Session = "", as_json: Json = False) -> None:
    """List calls of tools and what came of each, the oldest first."""
    from infra.cli.system import LogEmpty

    try:
        found = run_async(_calls(session))
    except LogEmpty:
        found = []
    except (ValueError, LookupError) as error:
        fail(str(error.args[0]), BAD_INPUT)
    shown = [call for call in found if call.is_unknown or not unknown]
    for call in shown:
        if as_json:
            typer.echo(json.dumps(call.fields()))
        else:
            _show(call)
    if not shown:
        err().print("no action whose effect is unknown" if unknown else "no calls of tools")


@app.command()
def settle(
    call_id: Annotated[str, typer.Argument(metavar="CALL_ID", help="The id of the call as listed, or its beginning.")],
    result: Annotated[str | None, typer.Option("--result", help="What it returned, as the model reads it.")] = None,
    failed: Annotated[str | None, typer.Option("--failed", help="Why it did not take effect.")] = None,
    by: Annotated[str, typer.Option("--by", help="Who found it out; without it, the user of this machine.")] = "",
) -> None:
    """Say what really came of a call whose outcome is unknown; the model is told from the next turn on."""
    if (result is None) == (failed is None):
        fail("give either --result or --failed", BAD_INPUT)
    from infra.log.event_log import LogUnavailable

    try:
        call = run_async(_settle(call_id, result or "", failed, by or _user()))
    except LookupError as error:
        fail(str(error.args[0]), BAD_INPUT)
    except LogUnavailable as error:
        fail(str(error))
    out().print(f"{call.call_id} of session {call.session_id}: settled", markup=False)


async def _calls(session: str) -> "list[ToolCall]":
    """Return the calls of a session, or all. Raises LookupError if there is no such session."""
    from infra.cli.system import log_connection
    from infra.log.event_log import history
    from infra.session.index import no_such_session
    from infra.session.tool_calls import tool_calls

    async with log_connection() as nc:
        found = await tool_calls(nc, session)
        if session and not found and await anext(aiter(history(nc, session)), None) is None:
            raise LookupError(await no_such_session(nc, session))
        return found


async def _settle(call_id: str, result: str, failed: str | None, by: str) -> "ToolCall":
    from contracts.topology import OPERATOR
    from infra.cli.system import log_connection
    from infra.log.broker import broker_on
    from infra.log.event_log import append, now_ns
    from infra.session.tool_calls import settlement, tool_calls

    async with log_connection() as nc:
        like = [call for call in await tool_calls(nc) if call_id and call.call_id.startswith(call_id)]
        found = [call for call in like if call.call_id == call_id] or like
        if not found:
            raise LookupError(f"there is no call {call_id!r}: `daredevil tools` lists those there are")
        if len(found) > 1:
            raise LookupError(f"{len(found)} calls begin with {call_id!r}: give the whole id")
        (call,) = found
        if not call.is_unknown:
            known = f"was settled by {call.settled_by}" if call.settled_by else f"ended with the outcome {call.outcome}"
            raise LookupError(f"the call {call.call_id} of {call.tool} {known}: there is nothing to settle")
        await append(broker_on(nc, OPERATOR), settlement(call, result, failed, by, now_ns()))
    return call


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may have a user without a name
        return "somebody"


def _show(call: "ToolCall") -> None:
    from datetime import UTC, datetime

    at = datetime.fromtimestamp(call.called_ns / 1e9, UTC)
    outcome = f"{call.outcome}, settled by {call.settled_by}" if call.settled_by else call.outcome
    out().print(f"{call.call_id}  {at:%Y-%m-%d %H:%M:%S}  {call.session_id}  {outcome}", markup=False)
    came = call.error or call.result
    arrow = f" → {_cut(came)}" if came else ""
    out().print(f"    {call.kind} {call.tool} {_cut(call.arguments)}{arrow}", markup=False)


def _cut(text: str) -> str:
    shown = " ".join(text.split())
    return shown if len(shown) <= MOST_CHARS else f"{shown[:MOST_CHARS]}…"
