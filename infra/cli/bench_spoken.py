"""`daredevil bench spoken`: checks spoken forms against the table of written forms."""

import json
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.output import BAD_INPUT, FAILED, fail, out


def spoken(
    forms: Annotated[
        Path | None,
        typer.Option(metavar="TSV", help="A table of your own: kind, written, said."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare what voices are given to say with the table of written forms: right/all, and ms per form.

    Needs no system and no sound. Prints each form that is said differently, and exits with 1 if there is one.

    For example:

      daredevil bench spoken

      daredevil bench spoken --forms my_forms.tsv
    """
    from dataclasses import asdict

    from infra.spoken.forms import forms_of, known_forms, measure

    try:
        table = known_forms() if forms is None else forms_of(forms.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        fail(f"{forms} cannot be read as a table of forms: {error}", BAD_INPUT)
    figures = measure(table)
    if as_json:
        typer.echo(json.dumps({"right": figures.right, "all": figures.all, **asdict(figures)}, indent=2))
    else:
        for wrong in figures.wrong:
            said = f"{wrong.form.kind}: {wrong.form.written!r} is said {wrong.said!r} instead of {wrong.form.said!r}"
            out().print(said, style="red", markup=False)
        for kind, (right, count) in figures.kinds.items():
            out().print(f"{kind:<14} {right:4d}/{count}")
        out().print(
            f"[bold]{figures.right}/{figures.all}[/] right; P50 {figures.p50_ms} ms per form, P99 {figures.p99_ms} ms, "
            f"max {figures.most_ms} ms"
        )
    if figures.wrong:
        raise typer.Exit(FAILED)
