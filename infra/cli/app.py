"""The commands and their help."""

import logging

import typer

from infra.cli import bench, call, checks, dead, erase, export, log, projections, run, token

app = typer.Typer(
    name="daredevil",
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

  daredevil export SESSION -f webm       the recording; or json, md, txt, srt, wav

  daredevil projections                  how the tables and topics keep up with the log

  daredevil token --room R --identity I  a token to join a LiveKit room

  daredevil doctor                       what is missing here, and how to get it
""",
)

app.command()(run.run)
app.command()(call.say)
app.command()(log.sessions)
app.command()(log.events)
app.command()(export.export)
app.command()(export.summary)
app.add_typer(projections.app, name="projections")
app.add_typer(dead.app, name="dead")
app.command()(erase.erase)
app.command()(token.token)
app.command()(checks.doctor)
app.command()(checks.settings)
app.add_typer(bench.app, name="bench")


def main() -> None:
    """Run the command line."""
    # What goes wrong with a room is told by the commands in a line; LiveKit's own lines repeat it with the token.
    logging.getLogger("livekit").setLevel(logging.CRITICAL)
    app()
