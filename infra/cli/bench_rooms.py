"""`daredevil bench rooms`: many LiveKit rooms at once, or many calls at the page."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.doors import ANY_LOAD, DOORS, LIVEKIT, CallOptions, one_of, rooms_of
from infra.cli.output import BAD_INPUT, FAILED, fail, out, progress, run_async

if TYPE_CHECKING:
    from infra.bench.room_figures import RoomsFigures, RunFigures
    from infra.caller import Sound
    from infra.caller.talk import Dial
    from infra.runtime import Runtime


CONDITIONS = (
    "Stub engines: speech to text, end of turn, language model and voice; voice detection is real. The servers "
    "and the callers ran on the same machine. Between utterances callers send digital silence, as a muted microphone. "
    "Captured sound was kept for a minute."
)
SAID = Path("tests/data/hello.wav")
STUBS_S = 60.0
"""On a busy machine, importing takes that long."""

SOUND_KEPT_S = "60"
"""A run shows whether memory grows; with the default, captured sound alone would grow for ten minutes."""


def rooms(
    rooms: Annotated[int, typer.Option("--rooms", min=1, help="Rooms, or calls, at the same time.")] = 10,
    say: Annotated[Path, typer.Option("--say", metavar="WAV", help="What each caller says repeatedly.")] = SAID,
    minutes: Annotated[float, typer.Option("--minutes", min=0.2, max=1440, help="How long.")] = 10,
    alone: Annotated[
        float, typer.Option("--alone", min=0.2, max=1440, help="Minutes with one room first, to compare.")
    ] = 1.5,
    door: Annotated[
        str,
        typer.Option("--door", metavar="|".join(DOORS), callback=one_of(DOORS), help="Rooms, or calls at the page."),
    ] = LIVEKIT,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Talk in many rooms, or many calls at the page, at once with stub engines, and report what they cost.

    Reports missed turns, the gap compared with one room, memory over time, and rooms per core. Runs a system of its own
    beside the data directory: LiveKit server, door and actors. Voice detection is the real one; speech to text,
    end of turn, language model and voice answer at once. The callers' own CPU is reported separately: where it and the
    system's need all cores, it is in the way of what is measured.

    For example:

      daredevil bench rooms --rooms 10 --minutes 10

      daredevil bench rooms --rooms 50 --door websocket --minutes 2
    """
    import json
    from dataclasses import asdict

    from infra.caller import BadWav, read_wav

    try:
        sound = read_wav(say)
    except BadWav as error:
        fail(str(error), BAD_INPUT)
    figures = run_async(_rooms(sound, door, rooms, minutes * 60, alone * 60))
    if as_json:
        typer.echo(json.dumps(asdict(figures), indent=2))
    else:
        _print(figures, "room" if door == LIVEKIT else "call")
    if figures.many.missed or figures.many.problems:
        raise typer.Exit(FAILED)


async def _rooms(sound: "Sound", door: str, rooms: int, seconds: float, alone_s: float) -> "RoomsFigures":
    from infra.bench.rooms import PAGES, ROOMS, measure_rooms
    from infra.cli.system import changed_settings, folder_of_its_own, system_here
    from infra.settings import settings

    with folder_of_its_own() as own:
        async with stub_engines() as stubs:
            with changed_settings({**own, **stubs, "audio_retention_s": SOUND_KEPT_S}):
                async with system_here(DOORS[door].needs) as runtime:
                    data_dir, pace = settings().data_dir, ROOMS if door == LIVEKIT else PAGES
                    dial = _dial(runtime, door)
                    return await measure_rooms(dial, pace, data_dir, sound, rooms, seconds, alone_s, progress)


def _dial(runtime: "Runtime", door: str) -> "Dial":
    from infra.caller.room import RoomDial

    if door == LIVEKIT:
        return RoomDial(rooms_of(runtime), light=True)
    return DOORS[door].here(runtime, CallOptions())


@asynccontextmanager
async def stub_engines(wanted: bool = True, answer: str = "") -> AsyncIterator[dict[str, str]]:
    """Yield settings for stub engines, whose language model runs for the block; no settings if not `wanted`.

    The model says `answer`, or its default if there is none.
    """
    if not wanted:
        yield {}
        return
    import os
    import signal
    import sys
    import tempfile

    from infra.system.nats import free_port, wait_for_port
    from infra.system.processes import start_program

    port = free_port()
    says = ("--answer", answer) if answer else ()
    command = (sys.executable, "-m", "infra.bench.stub_engines", "--port", str(port), *says)
    with tempfile.TemporaryDirectory(prefix="stubs-") as folder:
        server = await start_program(command, os.environ, Path(folder) / "llm.log")
        try:
            await wait_for_port(port, timeout_s=STUBS_S)
            yield {
                "stt": "infra.bench.stub_engines:StubSTT",
                "tts": "infra.bench.stub_engines:StubTTS",
                "end_of_turn": "infra.bench.stub_engines:StubTurnDetector",
                "llm": "local",
                "llm_url": f"http://127.0.0.1:{port}/v1",
                "patience": "",  # the stub can't say how likely words are the end of a turn
                "embedding": "off",
                **ANY_LOAD,
            }
        finally:
            server.send(signal.SIGTERM)
            await server.wait()


def _print(figures: "RoomsFigures", what: str) -> None:
    for run in (figures.one, figures.many):
        _print_run(run, what)
    for problem in figures.many.problems:
        out().print(problem, style="red", markup=False)
    settled_mb, end_mb = figures.mb_per_room
    grown = f", [bold]{figures.growth_mb_per_room_minute:+.2f}[/] MB a minute"
    grows = grown if figures.many.growth_mb_per_minute else ""
    out().print(
        f"over one {what}: gap P50 {figures.added_p50_ms:+.0f} ms, P95 [bold]{figures.added_p95_ms:+.0f}[/] ms"
        f"{_where(figures)}; P95 as the door recorded it [bold]{figures.added_log_p95_ms:+.0f}[/] ms\n"
        f"each further {what} takes [bold]{figures.cores_per_room:.3f}[/] cores (and its caller "
        f"{figures.callers_cores_per_room:.3f}): a core carries [bold]{figures.rooms_per_core:.0f}[/] {what}s\n"
        f"memory of a further {what}: {settled_mb:.0f} MB once settled, {end_mb:.0f} MB at the end"
        f"{grows}"
    )
    if _needs_all_cores(figures.many):
        out().print("[yellow]the system and the callers needed all cores: the callers were in the way[/]")
    out().print(f"[dim]{CONDITIONS}[/]")


def _where(figures: "RoomsFigures") -> str:
    """Return which parts of the gap are longer than with one room, among them the way to the callers and back."""
    added = {part: ms - figures.one.parts_p50_ms[part] for part, ms in figures.many.parts_p50_ms.items()}
    longer = [f"{part.removesuffix('_ms')} {ms:+.0f}" for part, ms in added.items() if abs(ms) >= 1]
    return f" (of the P50: {', '.join(longer)})" if longer else ""


def _needs_all_cores(run: "RunFigures") -> bool:
    from infra.bench.at_once import FULL
    from infra.process.system_cpu import cores

    return sum(run.cores.values()) + run.callers_cores >= FULL * cores()


def _print_run(run: "RunFigures", what: str) -> None:
    plural = "s" if run.rooms > 1 else ""
    out().print(
        f"[bold]{run.rooms} {what}{plural}[/], {run.seconds:.0f} s: {run.asked} turns, [bold]{run.missed}[/] missed; "
        f"gap P50 {run.gap_p50_ms:.0f} ms, P95 {run.gap_p95_ms:.0f} ms, max {run.gap_max_ms:.0f} ms "
        f"(P95 {run.first_gap_p95_ms:.0f} ms while {what}s came up); as the door recorded it P50 "
        f"{run.log_gap_p50_ms:.0f} ms, P95 {run.log_gap_p95_ms:.0f} ms"
    )
    total = sum(run.cores.values())
    out().print(
        f"  [dim]cores: {total:.2f} ({_named(run.cores.items(), 6, 2)}), and the callers {run.callers_cores:.2f}[/]"
    )
    if run.memory_mb and not run.growth_mb_per_minute:
        out().print(
            f"  [dim]memory: {run.memory_mb[0]:.0f} MB, {run.memory_mb[-1]:.0f} at the end: buffers fill in the first "
            "five minutes, a longer run tells whether it grows[/]"
        )
    elif run.memory_mb:
        grown = {name: mb for name, mb in run.growth_mb_per_minute.items() if mb >= 0.5}
        told = f" ({_named(grown.items(), 4, 1)})" if grown else ""
        out().print(
            f"  [dim]memory: {run.memory_mb[0]:.0f} MB, settled {run.settled_mb:.0f}, at the end "
            f"{run.memory_mb[-1]:.0f}; then {sum(run.growth_mb_per_minute.values()):+.1f} MB a minute{told}[/]"
        )


def _named(figures: Iterable[tuple[str, float]], most: int, digits: int) -> str:
    """Return the largest of named figures as text, such as `nats 0.10, transcript 0.08`."""
    largest = sorted(figures, key=lambda figure: -figure[1])[:most]
    return ", ".join(f"{name} {value:.{digits}f}" for name, value in largest)
