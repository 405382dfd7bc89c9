"""`daredevil latency`: what callers waited for, over a session or some time, and which turns were slowest and why."""

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.output import BAD_INPUT, err, fail, out, run_async

if TYPE_CHECKING:
    from infra.session.turn_latency import LatencyFigures, TurnLatency

NAMES = {
    "endpointing_ms": "silence until the turn was over",
    "vad_ms": "until the silence was noticed",
    "stt_ms": "speech to text",
    "first_token_ms": "language model, first token",
    "clause_ms": "language model, first clause",
    "first_audio_ms": "voice, first sound",
    "bus_ms": "between the processes",
    "playback_ms": "from the door to the ear",
}


def latency(
    session: Annotated[
        str | None, typer.Argument(help="A session id, as `daredevil sessions` lists them.", show_default=False)
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="AGE", help="All turns of the last 30m, 1h, 2d.", show_default="1h without a session"),
    ] = None,
    slowest: Annotated[int, typer.Option(min=0, max=1000, help="How many of the slowest turns to list.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show what the response gap was made of: what was waited for, how often and how long, and the slowest turns.

    The gap is from the end of speech to the first sound heard. A draft is written and spoken while the silence is
    still being waited for, so two things are under way: the turn's end, and the first sound. Only the one that comes
    last is waited for; the parts of that one count. docs/latency.md explains them.

    For example:

      daredevil latency                          the last hour

      daredevil latency SESSION                  one conversation

      daredevil latency --since 1d --json | jq '.slowest[0].cause'
    """
    from infra.cli.ages import age_s

    if session is not None and since is not None:
        fail("give a session or --since, not both", BAD_INPUT)
    try:
        since_ns = 0 if session is not None else time.time_ns() - round(age_s("1h" if since is None else since) * 1e9)
        turns = run_async(_turns(session, since_ns))
    except (ValueError, LookupError) as error:
        fail(str(error), BAD_INPUT)
    from infra.session.turn_latency import latency_figures

    figures = latency_figures(turns)
    worst = sorted(turns, key=lambda turn: -turn.gap_ms)[:slowest]
    if as_json:
        typer.echo(json.dumps(_json(figures, worst)))
        return
    where = f"in session {session}" if session is not None else f"in the last {since or '1h'}"
    if not turns:
        err().print(f"no spoken turn was answered {where}", markup=False)
        return
    _print(figures, worst, where)


def _json(figures: "LatencyFigures", worst: "list[TurnLatency]") -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(figures), "slowest": [turn.fields() for turn in worst]}


async def _turns(session: str | None, since_ns: int) -> "list[TurnLatency]":
    from infra.cli.log_facts import facts_by_session, facts_of_session
    from infra.session.turn_latency import LATENCY_FACTS, turn_latencies

    if session is not None:
        found = {session: await facts_of_session(session)}
    else:
        found = await facts_by_session(since_ns, LATENCY_FACTS)
    return [turn for facts in found.values() for turn in turn_latencies(facts)]


def _print(figures: "LatencyFigures", worst: "list[TurnLatency]", where: str) -> None:
    out().print(
        f"[bold]{_counted(figures.turns)}[/] {where}: gap median [bold]{figures.p50_ms:.0f}[/] ms, "
        f"P90 {figures.p90_ms:.0f}, P95 [bold]{figures.p95_ms:.0f}[/], longest {figures.most_ms:.0f} ms"
    )
    if figures.sound_p50_ms != figures.p50_ms or figures.false_starts:
        out().print(
            f"openers counted: median {figures.sound_p50_ms:.0f} ms, P95 {figures.sound_p95_ms:.0f}; "
            f"false starts: {figures.false_starts}"
        )
    if figures.drafts:
        out().print(_drafts(figures))
    out().print(f"\n[bold]{'waited for':34}{'turns':>6}{'longest':>9}{'P50':>7}{'P95':>7}{'beside':>8}[/]")
    for name, part in figures.parts.items():
        out().print(
            f"{NAMES[name]:34}{part.on_path:6}{part.longest:9}{part.p50_ms:7.0f}{part.p95_ms:7.0f}{part.beside:8}"
        )
    err().print(
        "[dim]turns: in how many it was on the critical path (P50 and P95 of those, ms); longest: in how many it took "
        "most; beside: in how many it was done meanwhile, at no cost[/]"
    )
    if worst:
        out().print("\n[bold]slowest turns[/]")
    for turn in worst:
        out().print(f"{turn.gap_ms:6.0f} ms  {turn.cause}", markup=False)
        out().print(f"           “{' '.join(turn.text.split())}”", style="dim", markup=False)
        out().print(f"           daredevil turns {turn.session_id} · turn {turn.turn_id}", style="dim", markup=False)


def _drafts(figures: "LatencyFigures") -> str:
    late = figures.drafts - figures.waited_for_turn
    share = figures.waited_for_turn / figures.drafts
    said = f"{_counted(figures.drafts)} answered by a draft: in {figures.waited_for_turn} ({share:.0%}) "
    said += "its sound was ready first"
    if figures.ready_before_p50_ms is not None:
        said += f" and waited {figures.ready_before_p50_ms:.0f} ms (median) for the turn's end"
    if late and figures.late_by_p50_ms is not None:
        said += f", in {late} it came {figures.late_by_p50_ms:.0f} ms (median) after it"
    return said


def _counted(count: int) -> str:
    return f"{count} turn" if count == 1 else f"{count} turns"
