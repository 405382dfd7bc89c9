"""The system that a command talks to: the running one, or one started for the command."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import ServiceUnavailableError

from infra.cannot_run import CannotRun
from infra.cli.output import progress, warn
from infra.log.nats_access import ACCESS
from infra.log.nats_reach import NatsRefuses, connected, is_forbidden, shown_url, unusable
from infra.log.provisioning import check_restored
from infra.runtime import Runtime, read_runtime
from infra.settings import Settings, settings
from infra.system.start_failed import StartFailed


@contextmanager
def changed_settings(changed: Mapping[str, str]) -> Iterator[None]:
    """Change settings for a block, in this process and in those that it starts."""
    names = {f"DAREDEVIL_{name.upper()}": value for name, value in changed.items()}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    settings.cache_clear()
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        settings.cache_clear()


@asynccontextmanager
async def system_here(changed: Mapping[str, str] | None = None, apart: bool = False) -> AsyncIterator[Runtime]:
    """Yield where the running system is, or one that is started for the block with these settings changed.

    `apart`: another runs here, and it has been said why this one is started.
    Raises StartFailed, DataDirInUse, NatsMissing.
    """
    runtime = read_runtime(settings().data_dir)
    if runtime is not None:
        yield await _ready(runtime)
        return
    from infra.system.supervisor import running_system

    # Any free port: only this command uses the system, and it learns the port.
    with changed_settings({"port": "0", **(changed or {})}):
        if not apart:
            progress(_what_is_started(settings()))
        async with running_system(settings(), progress, warn):
            started = read_runtime(settings().data_dir)
            assert started is not None
            yield started
            progress("stopping the system")


def _what_is_started(config: Settings) -> str:
    if not config.nats_url:
        return "nothing is running here: starting the system for this command"
    return (
        f"nothing runs on {config.data_dir.absolute()}: starting a whole system for this command, on the NATS at "
        f"{shown_url(config.nats_url)} (DAREDEVIL_NATS_URL); to call a system elsewhere, give its door: --url "
        "ws://HOST:PORT/ws"
    )


@contextmanager
def folder_of_its_own() -> Iterator[dict[str, str]]:
    """Yield settings for a system of the command's own, in a new folder, apart from any other running here."""
    parent = settings().data_dir.absolute()
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as folder:
        yield {"data_dir": folder, "nats_url": "", "livekit_url": "", "postgres_url": "off", "pulsar_url": ""}


@dataclass(frozen=True, slots=True)
class SystemApart:
    """A system of a command's own, in a folder of its own."""

    runtime: Runtime
    data_dir: Path


@asynccontextmanager
async def systems_apart(*changed: Mapping[str, str]) -> AsyncIterator[list[SystemApart]]:
    """Yield a system for each of these changes of the settings, side by side; nothing of them is kept.

    Each change should name the same settings. Raises StartFailed, NatsMissing.
    """
    async with AsyncExitStack() as stack:
        found = []
        for one in changed:
            own = stack.enter_context(folder_of_its_own())
            stack.enter_context(changed_settings({**own, **one}))
            runtime = await stack.enter_async_context(system_here())
            found.append(SystemApart(runtime, Path(own["data_dir"])))
        yield found


@asynccontextmanager
async def system_page(apart: bool = False) -> AsyncIterator[str]:
    """Yield the page's address of the running system, or of one that is started for the block, `apart` from another.

    Raises StartFailed, DataDirInUse, NatsMissing.
    """
    async with system_here(apart=apart) as runtime:
        yield runtime.page_url


@asynccontextmanager
async def page_or(url: str | None) -> AsyncIterator[str]:
    """Yield `url` if given, else what `system_page` yields."""
    if url is not None:
        yield url
        return
    async with system_page() as page:
        yield page


@asynccontextmanager
async def page_with(url: str | None, places: Sequence[str]) -> AsyncIterator[str]:
    """Yield the page's address of a system with the agents in these files or modules; without any as `page_or` does.

    A system with other agents may be running here: then another is started for the block, with a log of its own.
    Raises the same errors, and BadAgent if none of them can be used.
    """
    if not places:
        async with page_or(url) as page:
            yield page
        return
    agents = _loadable(places)
    is_running = read_runtime(settings().data_dir) is not None
    with ExitStack() as stack:
        apart = stack.enter_context(folder_of_its_own()) if is_running else {}
        if is_running:
            progress("a system runs here already: these agents get one of their own, and nothing of it is kept")
        stack.enter_context(changed_settings({**apart, "agents": agents}))
        async with system_page(is_running) as page:
            yield page


def _loadable(places: Sequence[str]) -> str:
    """Return the setting for agents in these places, and warn of those that cannot be used. Raises BadAgent."""
    from infra.cli.agents import usable_agents

    agents = ",".join(os.path.abspath(place) if place.endswith(".py") else place for place in places)
    usable_agents(agents)
    return agents


async def _ready(runtime: Runtime, patience_s: float = 60) -> Runtime:
    for _ in range(int(patience_s / 0.2)):
        if runtime.page_url:
            return runtime
        await asyncio.sleep(0.2)
        again = read_runtime(settings().data_dir)
        if again is None:
            break
        runtime = again
    raise StartFailed(f"the system of process {runtime.supervisor_pid} did not become ready: its terminal shows why")


@asynccontextmanager
async def log_connection() -> AsyncIterator[Client]:
    """Yield a connection to the log: the external NATS, the running one, or one started for the block.

    Other processes are not started. Raises LogEmpty if there is no log to start, NotYetRestored if it is there in part,
    and what `nats_connection` raises.
    """
    async with _log_url(settings()) as url, nats_connection(url) as nc:
        # What is there in part would be taken for all there is.
        await check_restored(nc.jetstream())
        yield nc


@asynccontextmanager
async def nats_connection(url: str) -> AsyncIterator[Client]:
    """Yield a connection to NATS; what goes wrong with it in the block is said in a sentence.

    Raises NatsUnusable and BadNatsAccess if it cannot be reached; in the block LogWentAway if it goes away, NatsRefuses
    if it has no JetStream or forbids what is asked.
    """
    forbidden: list[Exception] = []

    async def note(error: Exception) -> None:
        if is_forbidden(error):
            forbidden.append(error)

    nc = await connected(url, note)
    try:
        yield nc
    except (NatsError, OSError, ExceptionGroup) as error:
        # NATS does not answer what is forbidden.
        if forbidden and _cause(error, TimeoutError):
            raise NatsRefuses(unusable(forbidden[0], url)) from error
        if unavailable := _cause(error, ServiceUnavailableError):
            raise NatsRefuses(unusable(unavailable, url)) from error
        if nc.is_connected and not isinstance(error, TimeoutError):
            raise
        raise LogWentAway(f"NATS at {shown_url(url)} went away, or does not answer any more: try again") from error
    finally:
        await nc.close()


def _cause(error: Exception, kind: type[Exception]) -> Exception | None:
    """Return the error of this kind that another is, or has in its group."""
    if isinstance(error, kind):
        return error
    within = error.exceptions if isinstance(error, ExceptionGroup) else ()
    return next((found for each in within if (found := _cause(each, kind)) is not None), None)


class LogWentAway(CannotRun):
    """NATS went away while a command read the log."""


class LogEmpty(LookupError):
    """There is no log yet."""


@asynccontextmanager
async def _log_url(config: Settings) -> AsyncIterator[str]:
    runtime = read_runtime(config.data_dir)
    if config.nats_url or runtime is not None:
        yield config.nats_url or (runtime.nats_url if runtime is not None else "")
        return
    if not (config.data_dir / "nats" / "jetstream").exists():
        raise LogEmpty(f"there is no log in {config.data_dir.absolute()} yet: `daredevil run`, then talk to it")
    from infra.system.supervisor import running_system

    async with running_system(config, log_only=True) as system:
        # Brokers created in this process find the log by this setting.
        with changed_settings({**dict.fromkeys(ACCESS, ""), "nats_url": system.addresses.nats_url}):
            yield system.addresses.nats_url
