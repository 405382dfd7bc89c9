"""`daredevil bench record`: how far recording, word times, captions and heard text are from the caller's ear."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import BAD_INPUT, FAILED, fail, fail_for, out, progress, run_async, warn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.bench.attempts import NotMeasured
    from infra.bench.record import Condition
    from infra.bench.record_distance import RecordFigures
    from infra.caller import CallResult, ScriptedUtterance, Sound

ASK, OVER = Path("tests/data/what_time.wav"), Path("tests/data/stop.wav")
SLOW = '{"late_s": 2.5, "dry_s": 5}'
MOST_MS = 100

CONDITIONS = (
    "The voice is noise in which each 60 ms can be identified; the slow voice starts every clause after the first "
    "2.5 s late and stops for 5 s half-way through it. Clients stall for 0.5, 1, 2 and 3 s. Engines are stubs. "
    "The ear of a room is what comes out of the caller's jitter buffer. The record describes what left the agent's "
    "audio source, so the distances leave out `delay` (how far the ear is behind it) and `buffer` (the shortest and "
    "the longest time that sound waited in the buffer, as WebRTC counts it)."
)


def record(
    only: Annotated[str, typer.Option("--only", metavar="TEXT", help="Only conditions whose name contains this.")] = "",
    ask: Annotated[Path, typer.Option(metavar="WAV", help="What the caller asks.")] = ASK,
    over: Annotated[Path, typer.Option(metavar="WAV", help="What the caller says to interrupt an answer.")] = OVER,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare what a caller heard, and when, with the recording, word times, captions and heard text of the call.

    Each condition is a call: with a slow voice that runs dry, a client that stalls, load on the machine, and through a
    LiveKit room. Cross-correlation finds what was heard in the recording. Runs systems of its own beside the data
    directory; rooms are skipped if livekit-server is not installed. Exits with 1 if anything is off by over 100 ms.

    For example:

      daredevil bench record --only slow
    """
    import json
    from dataclasses import asdict

    from infra.bench.record import CONDITIONS as ALL
    from infra.caller import BadWav, read_wav

    try:
        sounds = read_wav(ask), read_wav(over)
    except BadWav as error:
        fail(str(error), BAD_INPUT)
    wanted = [condition for condition in ALL if only in condition.name]
    if not wanted:
        fail(
            f"no condition has {only!r} in its name; there are {', '.join(condition.name for condition in ALL)}",
            BAD_INPUT,
        )
    not_measured: list[NotMeasured] = []
    found = run_async(_record(wanted, *sounds, not_measured))
    if as_json:
        calls = [asdict(each) for each in found]
        typer.echo(json.dumps({"calls": calls, "not_measured": [asdict(each) for each in not_measured]}, indent=2))
    else:
        _print(found)
    fail_for(not_measured)
    if any(each.problem or each.max_ms > MOST_MS for each in found):
        raise typer.Exit(FAILED)


async def _record(
    wanted: "Sequence[Condition]", ask: "Sound", over: "Sound", not_measured: "list[NotMeasured]"
) -> "list[RecordFigures]":
    from infra.bench.attempts import attempt
    from infra.settings import settings
    from infra.system.livekit import LiveKitMissing, livekit_server_path

    if any(condition.room for condition in wanted):
        try:
            livekit_server_path(settings().livekit_server)
        except LiveKitMissing as error:
            progress(f"rooms are skipped: {error}")
            wanted = [condition for condition in wanted if not condition.room]
    found: list[RecordFigures] = []
    for slow in (False, True):
        own = [condition for condition in wanted if condition.slow is slow]
        if own:
            with attempt("the slow voice" if slow else "the quick voice", not_measured, warn):
                found += await _of_voice(own, {"tts_options": SLOW} if slow else {}, ask, over)
    return found


async def _of_voice(
    wanted: "Sequence[Condition]", voice: "Mapping[str, str]", ask: "Sound", over: "Sound"
) -> "list[RecordFigures]":
    """Run a system with this voice for these calls."""
    from infra.bench.marked_voice import ANSWER
    from infra.bench.record import measure_record
    from infra.caller import place_call
    from infra.caller.room import RoomDial
    from infra.cli.bench_rooms import stub_engines
    from infra.cli.doors import rooms_of
    from infra.cli.system import changed_settings, folder_of_its_own, system_here

    marked = {"tts": "infra.bench.marked_voice:MarkedTTS", "voice": "", **voice}
    rooms = {"livekit": "1"} if any(condition.room for condition in wanted) else {}
    with folder_of_its_own() as own:
        async with stub_engines(answer=ANSWER) as stubs:
            with changed_settings({**own, **stubs, **marked, **rooms}):
                async with system_here() as runtime:

                    async def call(condition: "Condition", steps: "Sequence[ScriptedUtterance]") -> "CallResult":
                        if condition.room:
                            return await RoomDial(rooms_of(runtime))(steps)
                        return await place_call(runtime.page_url, steps, manner=condition.manner)

                    return await measure_record(call, runtime.nats_url, wanted, ask, over, progress)


def _print(found: "Sequence[RecordFigures]") -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("P95, max in ms", no_wrap=True)
    columns = (
        "recording",
        "words",
        "captions",
        "heard",
        "breaks",
        "letters",
        "lost",
        "added",
        "twice",
        "delay",
        "buffer",
    )
    for column in columns:
        table.add_column(column, justify="right")
    for each in found:
        kinds = (each.recording, each.words, each.captions, each.heard_text)
        far = [f"{kind.p95_ms:.0f} {_marked(kind.max_ms)}" if kind.places else "—" for kind in kinds]
        counts = (each.breaks, each.letters, each.lost, each.added, each.doubled, round(each.delay_ms))
        least_ms, most_ms = each.buffer_ms
        buffer = f"{least_ms:.0f} {most_ms:.0f}" if most_ms else "—"
        table.add_row(each.condition, *far, *map(str, counts), buffer)
    out().print(table)
    for each in found:
        if each.problem:
            out().print(f"{each.condition}: {each.problem}", style="red", markup=False)
        elif each.max_ms > MOST_MS:
            out().print(f"{each.condition} ({each.session_id}): {'; '.join(each.worst)}", style="yellow", markup=False)
    out().print(f"[dim]{CONDITIONS}[/]")


def _marked(ms: float) -> str:
    return f"[red]{ms:.0f}[/]" if ms > MOST_MS else f"[bold]{ms:.0f}[/]"
