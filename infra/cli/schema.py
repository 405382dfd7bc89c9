"""`daredevil schema`: the JSON Schema of what a command prints with `--json`."""

import json
from typing import Annotated

import typer

from infra.cli.output import BAD_INPUT, fail


def schema(
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="COMMAND", help="Such as `sessions` or `bench bus`; by default, list all."),
    ] = None,
) -> None:
    """Print the JSON Schema of what a command prints with --json.

    For commands that print one JSON object per line, it is the schema of a line.

    For example:

      daredevil schema turns
    """
    from infra.cli.json_output import OUTPUTS

    if not command:
        for name, output in OUTPUTS.items():
            typer.echo(f"{name:<18} {'one object per line' if output.lines else 'one object'}: {output.about}")
        return
    name = " ".join(command)
    if name not in OUTPUTS:
        fail(f"`daredevil {name}` has no --json output: `daredevil schema` lists the commands that do", BAD_INPUT)
    typer.echo(json.dumps(OUTPUTS[name].schema(), indent=2))
