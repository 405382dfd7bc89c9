"""`daredevil bench barge-in` and `bench greeting`: what a caller notices besides the gap."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.doors import WEBSOCKET, CallOptions, DoorOption, UrlOption, open_door
from infra.cli.output import BAD_INPUT, FAILED, err, fail, out, run_async

if TYPE_CHECKING:
    from infra.bench.greeting import Greeting
    from infra.bench.interruption import Interruption
    from infra.caller import Sound
    from infra.caller.manner import Echo

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

GREETING = "Hello! How can I help you?"


def barge_in(
    ask: Annotated[Path, typer.Option(metavar="WAV", help="What the caller asks; the answer is interrupted.")],
    over: Annotated[Path, typer.Option(metavar="WAV", help="What the caller says over each answer.")],
    times: Annotated[int, typer.Option(min=1, help="Interruptions.")] = 100,
    door: DoorOption = WEBSOCKET,
    stub: Annotated[
        bool, typer.Option(help="Use stub engines with long answers, if a system has to be started.")
    ] = False,
    echo: Annotated[bool, typer.Option("--echo", help="The caller's microphone also hears the agent.")] = False,
    echo_db: Annotated[float, typer.Option(min=-60, max=0, help="How loud, in dB relative to what is played.")] = -12,
    echo_delay_ms: Annotated[float, typer.Option(min=20, max=1000, help="How much later, ms.")] = 150,
    as_json: Json = False,
    url: UrlOption = None,
) -> None:
    """Interrupt the agent and measure how soon it falls silent: from the caller's first sound to the agent's last.

    Measured from what the caller hears, on the caller's clock. Several interruptions share a call: each is said over
    the answer to the previous one. With an echo it also reports how often the agent mistook its own sound for speech
    (real engines only: the stub's voice is a tone, in which no echo can be found).

    For example:

      daredevil bench barge-in --ask tests/data/story.wav --over tests/data/stop.wav --door livekit
    """
    from dataclasses import asdict

    from infra.bench.interruption import summarise
    from infra.caller import BadWav, read_wav
    from infra.caller.manner import Echo

    try:
        sounds = read_wav(ask), read_wav(over)
    except BadWav as error:
        fail(str(error), BAD_INPUT)
    found = run_async(_barge_in(door, url, sounds, times, stub, Echo(echo_db, echo_delay_ms) if echo else None))
    figures = summarise(found)
    if as_json:
        typer.echo(json.dumps({**asdict(figures), "interruptions": [asdict(one) for one in found]}, indent=2))
    else:
        for problem in figures.problems:
            out().print(problem, style="red", markup=False)
        out().print(
            f"silent after being interrupted: P50 [bold]{figures.p50_ms:.0f}[/] ms, "
            f"P95 [bold]{figures.p95_ms:.0f}[/] ms, max {figures.max_ms:.0f} ms, "
            f"{figures.stopped} of {figures.tried} interruptions"
        )
        out().print(
            f"while the caller said nothing: [bold]{figures.false_interruptions}[/] replies stopped, "
            f"{figures.false_pauses} paused"
        )
    if not figures.stopped:
        raise typer.Exit(FAILED)


async def _barge_in(
    door: str, url: str | None, sounds: "tuple[Sound, Sound]", times: int, stub: bool, echo: "Echo | None"
) -> "list[Interruption]":
    from infra.bench.interruption import measure_interruptions
    from infra.cli.bench_rooms import stub_engines

    async with stub_engines(stub) as changed, open_door(door, url, CallOptions(echo=echo), changed) as dial:
        return await measure_interruptions(dial, *sounds, times, _show_interruption)


def _show_interruption(one: "Interruption") -> None:
    result = one.problem or f"silent after {one.silent_ms:.0f} ms"
    err().print(f"{one.session_id}: {result}", style="dim", markup=False)


def greeting(
    times: Annotated[int, typer.Option(min=1, help="Calls.")] = 20,
    door: DoorOption = WEBSOCKET,
    rest_s: Annotated[float, typer.Option("--rest", min=0, max=3600, help="Seconds between calls.")] = 2,
    as_json: Json = False,
    url: UrlOption = None,
) -> None:
    """Measure how soon a caller is greeted: from the first attempt to connect to the greeting's first sound.

    The running system must have a greeting (DAREDEVIL_GREETING); a system started for this command has one.
    """
    from dataclasses import asdict

    from infra.bench.greeting import summarise

    found = run_async(_greetings(door, url, times, rest_s))
    figures = summarise(found)
    if as_json:
        typer.echo(json.dumps({**asdict(figures), "calls": [asdict(one) for one in found]}, indent=2))
    else:
        out().print(
            f"greeted after P50 [bold]{figures.p50_ms:.0f}[/] ms, P95 [bold]{figures.p95_ms:.0f}[/] ms, "
            f"max {figures.max_ms:.0f} ms ({figures.greeted} of {figures.joins} calls); "
            f"connected with the microphone open after P50 {figures.connect_p50_ms:.0f} ms"
        )
    if not figures.greeted:
        raise typer.Exit(FAILED)


async def _greetings(door: str, url: str | None, times: int, rest_s: float) -> "list[Greeting]":
    from infra.bench.greeting import measure_greetings
    from infra.settings import settings

    greets = {"greeting": settings().greeting or GREETING}
    async with open_door(door, url, changed=greets) as dial:
        return await measure_greetings(dial, times, _show_greeting, rest_s)


def _show_greeting(one: "Greeting") -> None:
    result = one.problem or f"greeted after {one.greeting_ms:.0f} ms"
    err().print(f"{one.session_id}: {result}", style="dim", markup=False)
