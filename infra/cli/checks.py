"""`daredevil doctor` and `daredevil settings`."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import FAILED, err, out, run_async, warn_of_misspelt

if TYPE_CHECKING:
    from infra.settings import Settings
    from infra.system.doctor.finding import Finding


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
    livekit: Annotated[
        bool,
        typer.Option("--livekit", help="Check the way into a LiveKit room instead: DNS, TLS, ports, key, media, TURN."),
    ] = False,
) -> None:
    """Check what is needed to run here, and print how to get what is missing.

    It also tries the local engines, and estimates how many calls a core carries. With --livekit it creates a temporary
    room and joins it unseen. Exits with 0 if everything that is needed is there; what is missing but optional is only
    a warning.
    """
    from infra.settings import settings as read_settings

    warn_of_misspelt()
    if livekit:
        from infra.system.doctor.livekit import examine_livekit

        findings = run_async(examine_livekit(read_settings()))
    else:
        findings = run_async(_examined(read_settings()))
    for finding in findings:
        if as_json:
            typer.echo(json.dumps(finding.fields()))
            continue
        mark = {"ok": "[green]ok     [/]", "warning": "[yellow]warning[/]", "missing": "[bold red]missing[/]"}
        out().print(f"{mark[finding.state]} [bold]{finding.subject}[/]", end="  ")
        out().print(finding.detail, markup=False)
        if finding.remedy:
            out().print(f"        [dim]→[/] {finding.remedy}")
    missing = sum(finding.state == "missing" for finding in findings)
    if missing:
        err().print(f"\n{missing} missing")
        raise typer.Exit(FAILED)


async def _examined(config: "Settings") -> "list[Finding]":
    from infra.system.doctor import examine
    from infra.system.doctor.capacity import capacity

    findings = await examine(config)
    if any(finding.state == "missing" for finding in findings):
        return findings
    return findings + await capacity(config)


def settings(as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False) -> None:
    """List every setting with its current value and its description. Set them as DAREDEVIL_… or in `.env`."""
    from infra.settings import Settings
    from infra.settings import settings as read_settings
    from infra.settings_shown import in_json, shown

    warn_of_misspelt()
    if as_json:
        known = {name: in_json(name, getattr(read_settings(), name)) for name in Settings.model_fields}
        typer.echo(json.dumps({f"DAREDEVIL_{name.upper()}": value for name, value in known.items()}, indent=2))
        return
    values = {name: shown(name, getattr(read_settings(), name)) for name in Settings.model_fields}
    if out().width < WIDE:
        _list_settings(values)
        return
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("setting", "value", "what it does"):
        table.add_column(column, overflow="fold")
    for name, field in Settings.model_fields.items():
        changed = getattr(read_settings(), name) != field.get_default(call_default_factory=True)
        value = escape(values[name]) or "[dim]—[/]"
        style = "bold green" if changed else ""
        table.add_row(
            f"DAREDEVIL_{name.upper()}", f"[{style}]{value}[/]" if style else value, escape(field.description or "")
        )
    out().print(table)


WIDE = 140
"""A terminal narrower than this has no room for three columns."""


def _list_settings(values: dict[str, str]) -> None:
    """Print each setting and its value on a line, and its description below."""
    from textwrap import wrap

    from rich.markup import escape

    from infra.settings import Settings

    for name, field in Settings.model_fields.items():
        out().print(f"[bold]DAREDEVIL_{name.upper()}[/]  {escape(values[name]) or '[dim]—[/]'}")
        for line in wrap(field.description or "", out().width - 1, initial_indent="    ", subsequent_indent="    "):
            out().print(f"[dim]{escape(line)}[/]")
