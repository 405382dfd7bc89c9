"""`daredevil schema`: the JSON Schema of what a command prints with `--json`."""

import json
from typing import Annotated

import typer

from infra.cli.output import BAD_INPUT, fail


def schema(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="COMMAND", help="As `sessions` or `bench bus`; none lists them.")
    ] = None,
) -> None:
    """Print the JSON Schema of what a command prints with --json.

    Commands that print one JSON object a line have the schema of a line.

    For example:

      daredevil schema turns
    """
    from infra.cli.json_output import OUTPUTS

    if not command:
        for name, output in OUTPUTS.items():
            typer.echo(f"{name:<18} {'one object a line' if output.lines else 'one object'}: {output.about}")
        return
    name = " ".join(command)
    if name not in OUTPUTS:
        fail(f"`daredevil {name}` has no --json output: `daredevil schema` lists those that have", BAD_INPUT)
    typer.echo(json.dumps(OUTPUTS[name].schema(), indent=2))
