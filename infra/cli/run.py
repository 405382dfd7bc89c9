"""`daredevil run`: the whole system under one supervisor."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.agents import line_of, usable_agents
from infra.cli.interrupt import exit_code as code_of
from infra.cli.output import BAD_INPUT, fail, out, progress, run_async, warn, warn_of_misspelt

if TYPE_CHECKING:
    from infra.agents.reloading import Loaded
    from infra.settings import Settings
    from infra.system.supervisor import Supervisor


def run(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[AGENTS]...", help="Agents of your own: files (`booking.py`) or modules (`shop.agents`)."
        ),
    ] = None,
    reload: Annotated[
        bool, typer.Option("--reload", help="Load the agents again whenever one of their files changes.")
    ] = False,
    livekit: Annotated[
        bool,
        typer.Option("--livekit", help="Open the LiveKit door: rooms of DAREDEVIL_LIVEKIT_URL, or of a local server."),
    ] = False,
) -> None:
    """Start everything on this machine, and keep it running until Ctrl-C.

    Starts the log (NATS), the local language model and every actor, each as its own process, and prints the address
    of the page to talk on. A process that crashes is started again. Data stays in DAREDEVIL_DATA_DIR.

    Without agents of your own (here or in DAREDEVIL_AGENTS), the one that is built in answers.

    For example:

      daredevil run

      daredevil run booking.py --reload
    """
    from infra.agents.reloading import loaded_here
    from infra.cli.system import changed_settings
    from infra.settings import settings

    warn_of_misspelt()
    places = ",".join(files or []) or settings().agents
    if reload and not places:
        fail(
            "--reload is for agents of your own: name their file, such as `daredevil run booking.py --reload`",
            BAD_INPUT,
        )
    agents = usable_agents(places)
    for agent in agents.by_name.values():
        progress(line_of(agent))
    first = loaded_here(places, agents) if reload else None
    with changed_settings({"agents": places}):
        run_async(_run(livekit, first))


async def _run(livekit: bool, first: "Loaded | None") -> None:
    import asyncio
    import signal

    from infra.settings import settings

    config = settings()
    _check_engines(config)
    _check_telemetry(config)
    from infra.system.supervisor import Supervisor  # takes a second, which a wrong setting need not

    if livekit:
        config = config.model_copy(update={"livekit": True})
    supervisor = Supervisor(config, progress=progress, warn=warn)
    loop, main_task, ended = asyncio.get_running_loop(), asyncio.current_task(), asyncio.Event()
    assert main_task is not None
    starting, exit_code = True, 0

    def end(number: signal.Signals) -> None:
        nonlocal exit_code
        if ended.is_set():
            warn("killing everything")
            supervisor.kill()
            return
        ended.set()
        progress("stopping (Ctrl-C again kills the processes)")
        if starting:
            exit_code = code_of(number) if number == signal.SIGINT else 0
            # For a Ctrl-C before the handlers below are set, asyncio's runner has cancelled it already: uvloop then
            # passes the signal to both, and a second cancellation would interrupt the stop.
            if not main_task.cancelling():
                main_task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, end, number)
    try:
        await supervisor.start()
    except asyncio.CancelledError:
        if not ended.is_set():
            raise
        raise typer.Exit(exit_code) from None
    starting = False
    _welcome(supervisor, config)
    async with _reloading(supervisor, config.agents, first):
        await ended.wait()
    await supervisor.stop()
    left = supervisor.pids()
    if left:
        fail(f"still running: {left}")
    progress("stopped")


@asynccontextmanager
async def _reloading(supervisor: "Supervisor", places: str, first: "Loaded | None") -> AsyncIterator[None]:
    """Load the agents of `places` again in the block, whenever they change; `first` is how they are, None: never."""
    import asyncio

    from infra.process.tasks import ended

    if first is None:
        yield
        return
    task = asyncio.create_task(reload_agents(supervisor, places, first), name="reloading agents")
    try:
        yield
    finally:
        await ended(task)


async def reload_agents(supervisor: "Supervisor", places: str, first: "Loaded") -> None:
    """Start what runs the agents again whenever one of their files has changed and they can be loaded. Never ends."""
    from contracts.topology import REASONING, TOOLS
    from infra.agents.reloading import changes

    async for change in changes(places, first):
        if change.refusal:
            warn(f"{change.path} has changed and cannot be used; the agents stay as they were: {change.refusal}")
            continue
        for problem in change.loaded.errors.values():
            warn(problem)
        progress(f"{change.path} has changed: loading the agents again: {', '.join(change.loaded.agents)}")
        for part in (REASONING, TOOLS):
            await supervisor.start_again(part)


def _check_telemetry(config: "Settings") -> None:
    """Raise BadOtlp, before anything is started, for what each process would refuse."""
    from infra.telemetry.export import ratio_of
    from infra.telemetry.otlp import otlp_of

    for signal in ("traces", "metrics"):
        otlp_of(config, signal)
    ratio_of(config)


def _check_engines(config: "Settings") -> None:
    """Exit if an engine cannot be used or rejects its options: its actor would find out only seconds after the start.

    Raises UnknownOptions.
    """
    from infra.system.doctor.engines import unusable

    if findings := unusable(config):
        fail("\n".join(f"{each.subject}: {each.detail}: {each.remedy}" for each in findings), BAD_INPUT)
    if not config.stt_options and not config.tts_options:
        return  # importing the engines takes seconds
    from infra.engines.plugins import KINDS, check_options

    for kind in KINDS:
        check_options(config, kind)


def _welcome(supervisor: "Supervisor", config: "Settings") -> None:
    """Print that the system is ready, its addresses, and what it cannot do."""
    from infra.log.nats_reach import shown_url
    from infra.system.doctor.engines import ABILITIES, engine_problems

    for problem in engine_problems(config):
        warn(f"{problem.subject}: {problem.detail}: {problem.remedy}")
    began = f"Ready after {supervisor.ready_s:.1f} s. Talk to it"
    if cannot := [ability for ability in ABILITIES.values() if ability in supervisor.unable]:
        began = f"Started after {supervisor.ready_s:.1f} s, but it cannot {' or '.join(cannot)} (see above). The page"
    out().print(f"\n{began}: [bold cyan]{supervisor.page_url}[/]\n")
    if rooms := supervisor.addresses.livekit_url:
        progress(f"rooms: {rooms}; `daredevil token --room R --identity I` creates a token to join one")
    at = shown_url(supervisor.addresses.nats_url)
    progress(f"log: {at}; actors that run elsewhere on this machine find it by DAREDEVIL_DATA_DIR")
    progress(f"data and logs: {config.data_dir.absolute()}; Ctrl-C stops")
