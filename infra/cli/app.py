"""The commands and their help."""

import inspect
import logging
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from infra.cannot_run import CannotRun
from infra.cli import (
    backup,
    bench,
    call,
    chat,
    checks,
    console,
    dead,
    erase,
    export,
    health,
    latency,
    llm,
    log,
    nats_users,
    projections,
    provision,
    replay,
    run,
    schema,
    tell,
    token,
    tools,
    top,
    tune,
    turns,
)
from infra.cli.bad_values import in_plain_words
from infra.cli.output import fail


class _Commands(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        """Run a command; an error that the user can fix is printed as one line."""
        try:
            return super().invoke(ctx)
        except CannotRun as error:
            fail(str(error), error.exit_code)
        except typer.BadParameter as error:
            in_plain_words(error)
            raise


app = typer.Typer(
    name="daredevil",
    cls=_Commands,
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    help="""A real-time voice agent whose every conversation is an event log.

[bold]Examples[/bold]

  daredevil run                          start everything, then open the page that it prints

  daredevil say hello.wav                call the agent with a recording and print its answer

  daredevil say a.wav b.wav --out c.wav  two turns; keep the agent's sound

  daredevil chat                         talk to it by text, here in the terminal

  daredevil console                      talk to it with this machine's microphone

  daredevil sessions                     list the conversations in the log

  daredevil events SESSION               print everything that happened in one, in order

  daredevil turns SESSION                one line per turn: the response gap and its parts

  daredevil latency --since 1h           what callers waited for, and the slowest turns

  daredevil replay SESSION --speed 4     watch it again at its own pace, here four times as fast

  daredevil export SESSION -f webm       write the recording; or json, md, txt, srt, wav

  daredevil backup PLACE                 copy the log to a folder or to s3://bucket/prefix; restore puts it back

  daredevil projections                  show how far tables and topics are behind the log

  daredevil top                          how the running system is doing, live

  daredevil token --room R --identity I  create a token to join a LiveKit room

  daredevil doctor                       check what is missing here, and how to get it

  daredevil health                       ask every process whether it can do its work
""",
)

app.command()(run.run)
app.command()(llm.llm)
app.command()(call.say)
app.command()(chat.chat)
app.command()(tell.tell)
app.command()(console.console)
app.command()(log.sessions)
app.command()(log.events)
app.command()(turns.turns)
app.command()(latency.latency)
app.command()(replay.replay)
app.command()(export.export)
app.command()(export.summary)
app.add_typer(projections.app, name="projections")
app.add_typer(dead.app, name="dead")
app.add_typer(tools.app, name="tools")
app.command()(erase.erase)
app.command()(provision.provision)
app.command()(backup.backup)
app.command()(backup.restore)
app.command("nats-users")(nats_users.nats_users)
app.command()(token.token)
app.command()(top.top)
app.command()(checks.doctor)
app.command()(health.health)
app.command()(checks.settings)
app.command()(schema.schema)
app.add_typer(tune.app, name="tune")
app.add_typer(bench.app, name="bench")


def _unwrapped(text: str) -> str:
    """Return help with each paragraph on one line, for the terminal to wrap; indented lines stay as they are."""
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
    """Apply the options that stand before a command."""


def run_command_line() -> None:
    """Run the command line."""
    # The commands report a room's errors in one line; LiveKit's own log lines repeat them, with the token.
    logging.getLogger("livekit").setLevel(logging.CRITICAL)
    app()
