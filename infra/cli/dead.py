"""`daredevil dead`: messages that no handler could process."""

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import BAD_INPUT, FAILED, err, fail, out, run_async, warn

if TYPE_CHECKING:
    from nats.aio.client import Client

    from infra.log.dead_letters import DeadLetter

app = typer.Typer(
    invoke_without_command=True,
    help="""Dead letters, messages that no handler could process: list them with the reason, retry them, or drop them.

Examples:

  daredevil dead

  daredevil dead retry 3

  daredevil dead retry --all

  daredevil dead drop 3
""",
)

Number = Annotated[int | None, typer.Argument(metavar="N", help="Its number, as listed.")]


Json = Annotated[bool, typer.Option("--json", help="One JSON object per line.")]


@app.callback()
def dead(context: typer.Context, as_json: Json = False) -> None:
    """List dead letters, if no command is given."""
    if context.invoked_subcommand is None:
        list_letters(as_json)


@app.command("list")
def list_letters(as_json: Json = False) -> None:
    """List dead letters with the reason, the oldest first."""
    letters = _letters()
    for letter in letters:
        if as_json:
            fields = {"number": letter.sequence, "actor": letter.durable, "subject": letter.subject}
            typer.echo(json.dumps({**fields, "reason": letter.reason, "bytes": len(letter.data)}))
        else:
            out().print(
                f"{letter.sequence:5d}  {letter.durable:<12} {letter.subject}\n       {letter.reason}", markup=False
            )
    if not letters:
        err().print("no dead letters")


@app.command()
def retry(
    number: Number = None,
    all_of_them: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
) -> None:
    """Have the actor process a message again; if it succeeds, the dead letter is removed."""
    from infra.log.dead_letters import put_back

    async def again(nc: "Client", letter: "DeadLetter") -> None:
        await put_back(nc, letter)

    _each(number, all_of_them, again, "taken")


@app.command()
def drop(
    number: Number = None,
    all_of_them: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
) -> None:
    """Delete a dead letter for good (the fact itself stays in the log)."""
    from contracts.topology import DEAD

    async def away(nc: "Client", letter: "DeadLetter") -> None:
        await nc.jetstream().delete_msg(DEAD, letter.sequence)

    _each(number, all_of_them, away, "dropped")


def _letters() -> "list[DeadLetter]":
    async def read() -> "list[DeadLetter]":
        from infra.cli.system import log_connection
        from infra.log.dead_letters import dead_letters

        async with log_connection() as nc:
            return await dead_letters(nc)

    from infra.cli.system import LogEmpty

    try:
        return run_async(read())
    except LogEmpty:
        return []


def _each(
    number: int | None, all_of_them: bool, act: "Callable[[Client, DeadLetter], Awaitable[None]]", done: str
) -> None:
    if (number is None) != all_of_them:
        fail("give the number of a dead letter, or --all", BAD_INPUT)
    from infra.cli.system import LogEmpty

    try:
        failures = run_async(_act(number, act, done))
    except LogEmpty as error:
        fail(str(error), BAD_INPUT)
    except LookupError as error:
        fail(str(error.args[0]), BAD_INPUT)
    if failures:
        raise typer.Exit(FAILED)


async def _act(number: int | None, act: "Callable[[Client, DeadLetter], Awaitable[None]]", done: str) -> int:
    from infra.cli.system import log_connection
    from infra.log.dead_letters import NotTaken, dead_letters

    failures = 0
    async with log_connection() as nc:
        letters = await dead_letters(nc)
        chosen = [letter for letter in letters if number in (None, letter.sequence)]
        if number is not None and not chosen:
            raise LookupError(f"there is no dead letter {number}: `daredevil dead` lists those there are")
        for letter in chosen:
            try:
                await act(nc, letter)
            except NotTaken as problem:
                failures += 1
                warn(f"{letter.sequence}: not {done}: {problem}")
            else:
                out().print(f"{letter.sequence}: {done}")
    return failures
