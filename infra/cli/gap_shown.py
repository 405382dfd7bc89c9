"""How commands show the figures of calls that were placed to measure the gap."""

from typing import TYPE_CHECKING

from infra.cli.output import err, out

if TYPE_CHECKING:
    from infra.bench.gap import CallFigures, GroupFigures


def show_call(call: "CallFigures", door: str = "") -> None:
    """Print a call as soon as it has ended."""
    gap_ms = "no answer" if call.gap_ms is None else f"{call.gap_ms:.0f} ms"
    where = f"{door} " if door else ""
    err().print(
        f"{where}{call.wav}: {gap_ms}{' early' if call.early else ''} {call.problem}", style="dim", markup=False
    )


def print_gap(figures: "list[CallFigures]") -> None:
    """Print all calls and their statistics."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from infra.bench.gap import groups
    from infra.bench.statistics import word_error_rate

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    names = list(next((call.parts for call in figures if call.parts), {}))
    table.add_column("call", no_wrap=True)
    for column in ("gap", *(short(name) for name in names), "turns"):
        table.add_column(column, justify="right")
    table.add_column("", no_wrap=True)
    for call in figures:
        gap_ms = "—" if call.gap_ms is None else f"{call.gap_ms:.0f}"
        parts = [f"{call.parts[name]:.0f}" if name in call.parts else "—" for name in names]
        table.add_row(call.wav, gap_ms, *parts, str(call.turns), "[yellow]early[/]" if call.early else "")
    out().print(table)
    for call in figures:
        if call.problem:
            out().print(f"[red]{call.wav}: {escape(call.problem)}[/]")
        elif word_error_rate([call.text], [call.heard]):
            out().print(f"[dim]{call.wav}:[/] {escape(call.heard)} [dim]for[/] {escape(call.text)}")
        if said := far_end(call):
            out().print(said, style="yellow", markup=False)
    for name, group in groups(figures).items():
        print_group(name, group)


FAR_MS = 300
"""The voice detector notices the end of speech 48 to 64 ms late; this far off is another end."""


def far_end(call: "CallFigures") -> str:
    """Return what is to be said of a manifest by which speech ends elsewhere than where it was heard to; else empty."""
    edges_ms = call.parts.get("edges_ms", 0)
    if abs(edges_ms) <= FAR_MS:
        return ""
    where = f"{abs(edges_ms):.0f} ms {'before' if edges_ms > 0 else 'after'}"
    return f"{call.wav}: the end of speech in the manifest lies {where} the one that was heard: is it right?"


def print_group(name: str, group: "GroupFigures") -> None:
    """Print the figures of several calls."""
    out().print(
        f"[bold]{name}[/]: {group.calls} calls, gap median [bold]{group.median_ms:.0f}[/] ms, "
        f"P95 [bold]{group.p95_ms:.0f}[/] ms, max {group.max_ms:.0f} ms; "
        f"answered too early: [bold]{group.early}[/]; failed: {group.failed}; word error rate: "
        + ("—" if group.word_error_rate is None else f"{group.word_error_rate:.1%}")
    )
    if group.sound_median_ms != group.median_ms or group.false_starts:
        silenced = (
            f", silent after {', '.join(f'{ms:.0f}' for ms in group.silenced_ms)} ms" if group.silenced_ms else ""
        )
        out().print(
            f"  openers counted: median {group.sound_median_ms:.0f} ms, P95 {group.sound_p95_ms:.0f} ms; "
            f"false starts: {group.false_starts}{silenced}"
        )
    parts = ", ".join(f"{short(part)} {ms:.0f}" for part, ms in group.parts_median_ms.items())
    out().print(f"  [dim]medians of the parts: {parts}[/]")
    for line in _draft_lines(group):
        out().print(f"  [dim]{line}[/]")


def _draft_lines(group: "GroupFigures") -> list[str]:
    """Return in how many calls a draft was ready in time, and what of the model's work came to nothing."""
    use = group.drafts
    if not use.started:
        return ["no draft was begun"]
    lines = []
    if group.drafted:
        share = group.waited_for_turn / group.drafted
        lines.append(
            f"answered by a draft: {group.drafted}; its first sound was ready before the turn had ended in "
            f"{group.waited_for_turn} ({share:.0%})"
        )
    told = f"drafts begun: {use.started}, discarded: {use.discarded}"
    if (waste := use.waste) is not None:
        told += (
            f"; tokens written {use.tokens_kept + use.tokens_discarded}, of them for discarded drafts "
            f"{use.tokens_discarded}: {waste:.2f} times what was kept"
        )
    return [*lines, told]


def short(name: str) -> str:
    """Return the name of a part as people read it."""
    return name.removesuffix("_ms").replace("_", " ")
