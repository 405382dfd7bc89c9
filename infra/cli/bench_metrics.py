"""`daredevil bench metrics`: what metrics cost a call."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from infra.cli.output import out


def metrics(
    pairs: Annotated[int, typer.Option(min=2, help="How many times, with and without.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Count a minute of talk (ten turns, each fact stored once and handled three times), with metrics and without.

    Nothing runs beside it: what is measured is the CPU time of recording, not of the call.
    """
    from infra.bench.metrics_cost import metrics_cost

    cost = metrics_cost(pairs)
    if as_json:
        typer.echo(json.dumps(asdict(cost), indent=2))
        return
    for line in cost.lines():
        out().print(line, markup=False)
