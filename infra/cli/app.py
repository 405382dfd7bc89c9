"""The commands and their help."""

import inspect
import logging
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from infra.cannot_run import CannotRun
from infra.cli import bench, call, checks, dead, erase, export, llm, log, projections, run, schema, token, turns
from infra.cli.output import fail


class _Commands(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        """Run a command; what people can put right is told as one line."""
        try:
            return super().invoke(ctx)
        except CannotRun as error:
            fail(str(error), error.exit_code)


app = typer.Typer(
    name="daredevil",
    cls=_Commands,
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    help="""A real-time voice agent whose every conversation is an event log.

[bold]Examples[/bold]

  daredevil run                          start everything, then open the page that it names

  daredevil say hello.wav                call the agent with a recording and hear what it answers

  daredevil say a.wav b.wav --out c.wav  two turns; keep the agent's sound

  daredevil sessions                     which conversations the log holds

  daredevil events SESSION               everything that happened in one, in order

  daredevil turns SESSION                one line a turn: the gap and what it was made of

  daredevil export SESSION -f webm       the recording; or json, md, txt, srt, wav

  daredevil projections                  how the tables and topics keep up with the log

  daredevil token --room R --identity I  a token to join a LiveKit room

  daredevil doctor                       what is missing here, and how to get it
""",
)

app.command()(run.run)
app.command()(llm.llm)
app.command()(call.say)
app.command()(log.sessions)
app.command()(log.events)
app.command()(turns.turns)
app.command()(export.export)
app.command()(export.summary)
app.add_typer(projections.app, name="projections")
app.add_typer(dead.app, name="dead")
app.command()(erase.erase)
app.command()(token.token)
app.command()(checks.doctor)
app.command()(checks.settings)
app.command()(schema.schema)
app.add_typer(bench.app, name="bench")


def _unwrapped(text: str) -> str:
    """Return help with each paragraph in one line, for the terminal to wrap; what is set in stays as it is."""
    paragraphs = text.split("\n\n")
    return "\n\n".join(each if each.startswith(" ") else " ".join(each.split("\n")) for each in paragraphs)


def _unwrap_help(commands: typer.Typer) -> None:
    for command in commands.registered_commands:
        command.help = _unwrapped(inspect.getdoc(command.callback) or "")
    for group in commands.registered_groups:
        if group.typer_instance is not None:
            _unwrap_help(group.typer_instance)


_unwrap_help(app)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"daredevil {version('daredevil')}")
        raise typer.Exit


@app.callback()
def options(
    _version_asked: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Take the options before a command."""


def run_command_line() -> None:
    """Run the command line."""
    # What goes wrong with a room is told by the commands in a line; LiveKit's own lines repeat it with the token.
    logging.getLogger("livekit").setLevel(logging.CRITICAL)
    app()
