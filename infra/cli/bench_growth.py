"""`daredevil bench growth`: whether memory grows with the number of sessions."""

from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import FAILED, fail_for, out, progress, run_async

if TYPE_CHECKING:
    from infra.bench.growth import GrowthFigures

CONDITIONS = (
    "Stub engines: speech to text, end of turn, language model and voice; voice detection, embeddings, recordings and "
    "summaries are real. MB are PSS of a process and its children, with their share of shared pages. Each session: "
    "half a second of silence, a typed turn, its reply, heard at once, hang-up."
)


def growth(
    sessions: Annotated[int, typer.Option("--sessions", min=8, help="Number of short sessions.")] = 2000,
    at_once: Annotated[int, typer.Option("--at-once", min=1, max=100, help="Sessions at the same time.")] = 8,
    every: Annotated[int, typer.Option("--every", min=1, help="Sessions between measurements of memory.")] = 100,
    sound_kept_s: Annotated[
        float,
        typer.Option(
            "--sound-kept", min=10, max=86_400, help="How many seconds captured sound is kept (600 by default)."
        ),
    ] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run many short sessions and report each process's memory, and its growth per 1,000 sessions.

    Runs a system of its own beside the data directory, with engines that answer at once. Growth is measured after the
    first quarter of the sessions. Each measurement first waits for recordings and summaries (at most three minutes),
    so that only memory held for finished sessions counts. Captured sound is in NATS's memory by design, up to 256 MB or
    ten minutes; it is kept for a shorter time here, so that NATS's memory is stable by the end of the warm-up.

    For example:

      daredevil bench growth --sessions 2000

      daredevil bench growth --sessions 300 --every 50 --json
    """
    import json
    from dataclasses import asdict

    figures = run_async(_growth(sessions, at_once, every, sound_kept_s))
    if as_json:
        typer.echo(json.dumps(asdict(figures), indent=2))
    else:
        _print(figures)
    fail_for(figures.not_measured)
    if figures.failed:
        raise typer.Exit(FAILED)


async def _growth(sessions: int, at_once: int, every: int, sound_kept_s: float) -> "GrowthFigures":
    from infra.bench.growth import measure_growth
    from infra.cli.bench_rooms import stub_engines
    from infra.cli.system import changed_settings, folder_of_its_own, system_here
    from infra.settings import settings

    with folder_of_its_own() as own:
        async with stub_engines() as stubs:
            kept = {"audio_retention_s": str(sound_kept_s), "embedding": "local"}
            with changed_settings({**own, **stubs, **kept}):
                async with system_here() as runtime:
                    where = (runtime.page_url, runtime.nats_url, settings().data_dir)
                    return await measure_growth(*where, sessions, at_once, every, progress)


def _print(figures: "GrowthFigures") -> None:
    first, last = figures.samples[0], figures.samples[-1]
    warm = next((sample for sample in figures.samples if sample.sessions >= figures.warm_up_sessions), last)
    out().print(
        f"[bold]{figures.sessions}[/] sessions in {figures.seconds:.0f} s, {figures.failed} failed; MB at the start, "
        f"after {warm.sessions} sessions, and at the end; MB per 1,000 sessions since"
    )
    for name, slope in figures.mb_per_1000_sessions.items():
        at = [sample.memory_mb.get(name, 0.0) for sample in (first, warm, last)]
        out().print(f"{name:<20} {at[0]:8.1f} {at[1]:8.1f} {at[2]:8.1f}  [bold]{slope:+8.2f}[/]")
    out().print(
        f"descriptors {sum(warm.descriptors.values())} then, {sum(last.descriptors.values())} at the end; "
        f"files {warm.files}, {last.files}; logs {warm.log_mb} MB, {last.log_mb} MB"
    )
    for name, size in last.streams.items():
        out().print(
            f"[dim]{name:<20} {size.messages} messages, {size.mb} MB, {size.subjects} subjects, {size.consumers} "
            "consumers[/]"
        )
    for problem in figures.problems:
        out().print(problem, style="red", markup=False)
    out().print(f"[dim]{CONDITIONS}[/]")
