"""`daredevil bench hearing`: words lost, false turns, and the load of recognition, over sets of sound."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import BAD_INPUT, FAILED, fail, fail_for, out, progress, run_async

if TYPE_CHECKING:
    from infra.bench.attempts import NotMeasured
    from infra.bench.hearing import HearingFigures
    from infra.bench.hearing_sets import SoundSet


def hearing(
    own: Annotated[
        list[Path] | None,
        typer.Option("--set", metavar="DIR", help="A folder with WAVs of your own; can be repeated."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="NAME", help="Only the set of this name; can be repeated.")
    ] = None,
    minutes: Annotated[
        float,
        typer.Option(min=0.1, max=1440, help="Most minutes of sound from each set; the run takes a fifth of that."),
    ] = 2,
    texts: Annotated[bool, typer.Option("--texts", help="Show the words of every turn.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object: docs/hearing.md.")] = False,
) -> None:
    """Play sets of sound, each as one call, and report words lost, false turns per hour, and the load of recognition.

    Speech with its words, speech in other languages, and sound in which nobody speaks to the agent: crowds, music,
    noise, screeches. They are built from what is installed here; the command prints how to install what is missing.
    In a folder of your own (`--set`), a WAV with a text file of the same name beside it, or with a text in
    manifest.json, is speech; in a folder without texts nobody speaks to the agent.

    Voice detection, speech to text and end of turn are the real ones, on a NATS server of its own; the sound is sent at
    five times the speed of speech. Run it on an idle machine: recognition that falls behind loses words.
    """
    from infra.bench.hearing_sets import NoSet, known_sets

    not_measured: list[NotMeasured] = []
    try:
        sets = known_sets(own or [])
        if unknown := set(only or []) - {each.name for each in sets}:
            names = ", ".join(each.name for each in sets)
            fail(f"no set is named {', '.join(sorted(unknown))}; the sets are {names}", BAD_INPUT)
        chosen = [each for each in sets if not only or each.name in only]
        figures = run_async(_hearing(chosen, minutes, not_measured))
    except NoSet as error:
        fail(str(error), BAD_INPUT)
    if as_json:
        found = {"sets": [asdict(each) for each in figures], "not_measured": [asdict(each) for each in not_measured]}
        typer.echo(json.dumps({"minutes": minutes, **found}, indent=2))
    else:
        _show(figures, texts)
    fail_for(not_measured)
    if all(each.skipped for each in figures):
        raise typer.Exit(FAILED)


async def _hearing(sets: "list[SoundSet]", minutes: float, not_measured: "list[NotMeasured]") -> "list[HearingFigures]":
    import os
    import tempfile

    from actors.transcript.engines import SpeechEngines
    from contracts.topology import OPERATOR
    from infra.bench.hearing import measure_hearing
    from infra.log.broker import make_broker
    from infra.settings import settings
    from infra.system.own_nats import own_nats

    parent = settings().data_dir.absolute()
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as folder:
        async with own_nats(Path(folder)) as log:
            os.environ["DAREDEVIL_NATS_URL"] = log.url
            settings.cache_clear()
            broker = make_broker(OPERATOR)
            await broker.connect()
            ears = SpeechEngines(settings())
            try:
                progress("loading the engines")
                await ears.warm_up()
                return await measure_hearing(sets, broker, ears, minutes, progress, not_measured)
            finally:
                await ears.aclose()
                await broker.stop()


def _show(figures: "list[HearingFigures]", texts: bool) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("set", no_wrap=True)
    for column in ("sound s", "turns", "false/h", "dismissed", "words", "lost", "errors", "heard x", "load"):
        table.add_column(column, justify="right")
    for each in figures:
        if each.skipped:
            continue
        false = "—" if each.false_turns_per_hour is None else f"{each.false_turns_per_hour:.0f}"
        errors = "—" if each.word_error_rate is None else f"{each.word_error_rate:.1%}"
        words = [str(each.words), str(each.words_lost)] if each.words else ["—", "—"]
        again = "—" if each.recognised_per_speech_s is None else f"{each.recognised_per_speech_s:.2f}"
        load = "—" if each.recognition_load is None else f"{each.recognition_load:.2f}"
        dismissed = str(sum(each.dismissed.values()))
        table.add_row(each.name, f"{each.sound_s:.0f}", str(each.turns), false, dismissed, *words, errors, again, load)
    out().print(table)
    out().print("[dim]heard x: sound recognised per second of speech; load: seconds of work for it[/]")
    for each in figures:
        if each.skipped:
            out().print(f"[yellow]{each.name}: skipped, {each.skipped}[/]")
        elif texts or each.kind == "none":
            for text in each.heard:
                out().print(f"[dim]{each.name}:[/] {escape(text)}")
