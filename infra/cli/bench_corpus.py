"""`daredevil bench record-corpus`: conversations of all kinds, recorded for `daredevil bench replay`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.doors import ANY_LOAD
from infra.cli.output import BAD_INPUT, FAILED, fail, out, progress, run_async

if TYPE_CHECKING:
    from infra.bench.corpus import RecordedCall
    from infra.bench.corpus_plan import System
    from infra.caller import Sound


def record_corpus(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Data directory of the corpus; it may have some.")],
    conversations: Annotated[int, typer.Option("--conversations", metavar="N", min=8, help="How many in all.")] = 200,
    at_once: Annotated[int, typer.Option("--at-once", min=1, max=20, help="Conversations at the same time.")] = 2,
    recordings: Annotated[
        Path, typer.Option("--recordings", metavar="DIR", help="What is said: WAVs, also in its folder `calls`.")
    ] = Path("tests/data"),
) -> None:
    """Hold N real conversations on systems of their own, in a data directory whose log and tapes can be verified.

    Of 200: 42 with somebody talking over the agent, 20 by text, 20 with two people in a room, 20 in which an actor or a
    door is killed (SIGKILL), 16 in which one is frozen for seconds (SIGSTOP), 14 with agents whose tools are called and
    that hand over, 10 in which engines fail and others take over, 58 plain. 52 are answered by the local language
    model, the others by a fast one with a script; speech is always recognised and made by the local engines. They take
    place at the pace of speech. What DIR has already is kept: an interrupted recording goes on where it was.

    For example:

      daredevil bench record-corpus /tmp/corpus --conversations 20

      DAREDEVIL_DATA_DIR=/tmp/corpus DAREDEVIL_AGENTS=infra.bench.corpus_agent daredevil bench replay --repeats 3
    """
    from infra.bench.corpus import read_corpus, summary_lines
    from infra.caller import BadWav

    try:
        sounds = sounds_of(recordings)
        folder.mkdir(parents=True, exist_ok=True)
        made = read_corpus(folder)
    except (BadWav, OSError, ValueError) as error:
        fail(str(error), BAD_INPUT)
    run_async(_record(folder, conversations, at_once, sounds, made))
    for line in summary_lines(made.values()):
        out().print(line, markup=False)
    if any(call.problem for call in made.values()):
        raise typer.Exit(FAILED)


def sounds_of(folder: Path) -> "dict[str, Sound]":
    """Return the recordings that a corpus needs, by name. Raises BadWav."""
    from infra.bench.corpus_plan import PARTS
    from infra.caller import read_wav

    names = {said.recording for part in PARTS for call in part.calls for said in call.said}
    places = {name: folder / f"{name}.wav" for name in names}
    return {name: read_wav(path if path.exists() else folder / "calls" / path.name) for name, path in places.items()}


async def _record(
    folder: Path, conversations: int, at_once: int, sounds: "dict[str, Sound]", made: "dict[str, RecordedCall]"
) -> None:
    from infra.bench.corpus import record, settle
    from infra.bench.corpus_calls import Where
    from infra.bench.corpus_plan import planned
    from infra.cli.doors import rooms_of
    from infra.cli.system import changed_settings, system_here
    from infra.settings import settings
    from infra.system.nats import free_port

    left = [call for call in planned(conversations) if call.id not in made or made[call.id].problem]
    of_its_own = {
        "port": str(free_port()),
        "data_dir": str(folder),
        "nats_url": "",
        "livekit_url": "",
        "postgres_url": "",
        "pulsar_url": "",
        **ANY_LOAD,
    }
    systems: dict[str, System] = {call.system.name: call.system for call in left}
    for system in systems.values():
        calls = [call for call in left if call.system.name == system.name]
        progress(f"{len(calls)} conversations with {system.name}")
        with changed_settings({**of_its_own, **system.settings}):
            async with system_here() as runtime:
                rooms = rooms_of(runtime) if runtime.livekit_url else None
                where = Where(runtime.page_url, rooms, settings().data_dir, sounds)
                await record(calls, where, made, at_once, progress)
                await settle(runtime.nats_url)
