"""The supervisor: starts every process of a system, restarts those that crash, and ends all in order."""

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

from nats.errors import Error as NatsError

from infra.log.held_jobs import give_back
from infra.log.log_streams import checked_streams
from infra.log.nats_reach import connect_once, shown_url, why_unusable
from infra.log.nats_users import with_passwords
from infra.log.provisioning import check_restored, provision
from infra.metrics.scraping import targets_file
from infra.process.tasks import ended, own_cancellation_only
from infra.projection import check_partitions
from infra.settings import Settings
from infra.system.addresses import Addresses, choose_addresses, livekit_line
from infra.system.apps import App, Stage
from infra.system.environment import (
    as_nats_user,
    child_environment,
    held_dir,
    named_in_telemetry,
    probes_dir,
    with_secrets,
)
from infra.system.lock import DataDirLock, lock_data_dir
from infra.system.log_watch import REST_S, LogWatch
from infra.system.logs import last_lines
from infra.system.nats import (
    adopt_account,
    nats_environment,
    nats_server_path,
    partitions_on,
    wait_for_port,
    write_nats_config,
)
from infra.system.page_port import check_port
from infra.system.parts import NATS, Program, processes
from infra.system.probe_targets import ProbeTargets
from infra.system.processes import ForkServerClient, ForkServerGone, Running, start_program
from infra.system.progress import Progress
from infra.system.readiness import port_file, wait_until_ready
from infra.system.run_files import RunFiles
from infra.system.start_failed import StartFailed

START_TIMEOUT_S = 120
"""How long a start may go on without another part becoming ready: far more than usual, for slow and busy machines."""

STABLE_S = 10
"""After a process has lived this long, a crash is not counted as one in a row."""

GRACE_S = 6
"""How long a process may take to end after SIGTERM."""

Report = Callable[[str], None]


def backoff_s(crashes: int) -> float:
    """Return how long to wait before restarting a process that crashed `crashes` times in a row."""
    return min(0.05 * 3.0 ** (crashes - 1), 10)


def how_it_ended(code: int) -> str:
    """Return a description of an exit code."""
    if code >= 0:
        return f"ended with exit code {code}"
    with contextlib.suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"


class Supervisor:
    """One system on one data directory.

    `start()` returns when everything is ready, `stop()` ends it; `progress` is called with each step of the start,
    `warn` with later problems. With `log_only` it runs the NATS server alone, unannounced. `parts` are all other
    processes, by default the whole system's.
    """

    def __init__(
        self,
        settings: Settings,
        progress: Report = lambda _: None,
        warn: Report = lambda _: None,
        log_only: bool = False,
        parts: Sequence[Program | App] | None = None,
    ) -> None:
        self._settings = settings
        self._progress = progress
        self._warn = warn
        self._log_only = log_only
        self._data_dir = settings.data_dir.absolute()
        self._addresses = choose_addresses(settings)
        self._environment = child_environment(os.environ, settings, self._addresses)
        if parts is None:
            parts = () if log_only else processes(settings, self._addresses)
        self._parts = list(parts)
        self._lock: DataDirLock | None = None
        self._forks: ForkServerClient | None = None
        self._running: dict[str, Running] = {}
        self._launching: dict[str, asyncio.Future[None]] = {}
        """Done when the process of a part that is being started is in `_running`, or could not be started."""
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._stopping: set[str] = set()
        self._replaced: set[str] = set()
        """Parts that end because they are to begin again."""
        self._files = RunFiles(self._data_dir)
        servers = {part.name for part in self._parts if isinstance(part, Program)}
        as_json = (NATS, *servers) if settings.log_json else ()
        self.watch = LogWatch(self._data_dir, warn, self._running, self._stopping, as_json)
        self._targets = ProbeTargets(probes_dir(settings), targets_file(self._data_dir))
        self._stop_signals = {part.name: part.stop for part in self._parts if isinstance(part, Program)}
        self._starting: asyncio.Task[None] | None = None
        self._gave_up: asyncio.Future[str] | None = None
        self._began = time.monotonic()
        self._steps = Progress(START_TIMEOUT_S)
        self.ready_s: float | None = None
        self.page_url = ""
        self.unable: frozenset[str] = frozenset()
        """What its parts cannot do because no engine could be created: `hear`, `answer`, `speak`."""

    @property
    def addresses(self) -> Addresses:
        """Where the system's servers listen."""
        return self._addresses

    def pids(self) -> dict[str, int]:
        """Return the process id of each part that runs now."""
        return {name: process.pid for name, process in self._running.items()}

    async def start(self) -> None:
        """Start everything and wait until it is ready.

        Raises StartFailed, DataDirInUse, NatsMissing; then nothing is left running.
        """
        self._began = time.monotonic()
        self._lock = lock_data_dir(self._data_dir)
        try:
            if not self._log_only:
                check_port(self._settings.host, self._settings.port)
            self.watch.begin()
            self._gave_up = asyncio.get_running_loop().create_future()
            self._starting = asyncio.create_task(self._start_all(), name="start")
            await self._steps.until_one_ends(self._starting, self._gave_up)
            if not self._starting.done():
                why = (
                    self._gave_up.result()
                    if self._gave_up.done()
                    else f"nothing more became ready within {START_TIMEOUT_S} s: see the logs in {self.watch.folder}"
                )
                await ended(self._starting)
                raise StartFailed(why)
            await self._starting
        except BaseException:
            await self.stop()
            raise

    async def _start_all(self) -> None:
        with own_cancellation_only():
            await self._start_each()

    async def _start_each(self) -> None:
        parts = [] if self._log_only else self._parts
        if any(isinstance(part, App) for part in parts):
            self._forks = ForkServerClient(with_secrets((), self._environment), self.watch.file_of("forkserver"))
            self.watch.add("forkserver")
            await self._forks.start()
        await self._start_nats()
        if self._log_only:
            return
        port_file(self._settings).unlink(missing_ok=True)
        shutil.rmtree(held_dir(self._settings), ignore_errors=True)
        self._targets.begin()
        self._announce()
        self._files.postgres_url(self._environment["DAREDEVIL_POSTGRES_URL"])
        spares = [part for part in parts if isinstance(part, App) and part.is_spare]
        at_once = [part for part in parts if part not in spares]
        for part in at_once:
            self._keep(part)
        self._progress(f"starting {', '.join(part.name for part in at_once)}")
        if rooms := livekit_line(self._addresses):
            self._progress(rooms)
        needed = [part for part in parts if part.needed]
        ready = await wait_until_ready(needed, self._addresses.nats_url, self._settings, self._report_ready)
        self.page_url, self.unable = ready.page_url, ready.unable
        if self.page_url:
            # After a crash the door returns at the same address.
            self._environment["DAREDEVIL_PORT"] = self.page_url.rstrip("/").rpartition(":")[2]
        self.ready_s = time.monotonic() - self._began
        self._announce()
        for spare in spares:
            self._keep(spare)

    def _note_progress(self, _step: str) -> None:
        self._steps.step()

    def _report_ready(self, name: str) -> None:
        self._steps.step()
        self._progress(f"{name} is ready after {time.monotonic() - self._began:.1f} s")

    async def _start_nats(self) -> None:
        if self._addresses.nats_port is None:
            url = self._addresses.nats_url
            if problem := await why_unusable(url):
                raise StartFailed(problem)
            self._progress(f"using NATS at {shown_url(url)}")
            await self._provision(only_missing=True)
            return
        apps = (part.name.partition("-spare")[0] for part in self._parts if isinstance(part, App))
        folder = self._data_dir / "nats"
        adopt_account(folder)
        partitions = partitions_on(folder, self._settings.partitions)
        if not self._log_only:
            check_partitions(self._settings, partitions)
        users = with_passwords(self._addresses.nats_secret, apps, partitions)
        config = write_nats_config(folder, self._addresses.nats_port, users=users)
        self._keep(Program(NATS, (nats_server_path(), "-c", str(config)), niceness=0))
        await wait_for_port(self._addresses.nats_port)
        self._steps.step()
        if not self._log_only:
            await self._provision()
        self._progress("NATS is ready")

    async def _provision(self, only_missing: bool = False) -> None:
        """Create the log's streams, before its processes look for them.

        Raises StartFailed, NotYetRestored, NeedsOnePartition, OtherPartitions.
        """
        try:
            nc = await connect_once(self._addresses.nats_url)
            try:
                await check_restored(nc.jetstream())
                check_partitions(self._settings, (await checked_streams(nc, self._settings.partitions)).partitions)
                left = await provision(nc.jetstream(), self._note_progress, only_missing, given=self._settings)
            finally:
                await nc.close()
        except (NatsError, OSError) as error:
            raise StartFailed(
                f"the log's streams could not be created: {str(error) or type(error).__name__}"
            ) from error
        if left:
            names = ", ".join(change.what for change in left)
            self._warn(f"{names}: not as the settings say; `daredevil provision --dry-run` shows what differs")

    # -- keeping processes alive

    def _keep(self, part: Program | App) -> None:
        self.watch.add(part.name)
        self._begin_keeping(part)

    def _begin_keeping(self, part: Program | App) -> None:
        if part.name not in self._stopping:
            keeper = asyncio.create_task(self._keep_running(part), name=f"keeper of {part.name}")
            keeper.add_done_callback(partial(self._replace_keeper, part))
            self._keepers[part.name] = keeper

    def _replace_keeper(self, part: Program | App, keeper: "asyncio.Task[None]") -> None:
        """Start another task to keep a part running, if anything but our own end has ended the previous one."""
        error = None if keeper.cancelled() else keeper.exception()
        if part.name not in self._stopping and (keeper.cancelled() or error is not None):
            why = f"{error!r}" if error is not None else "cancelled"
            self._warn(f"the task that keeps {part.name} running has ended ({why}); another takes its place")
            asyncio.get_running_loop().call_later(REST_S, self._begin_keeping, part)

    async def _keep_running(self, part: Program | App) -> None:
        crashes = 0
        while part.name not in self._stopping:
            began, process = time.monotonic(), None
            try:
                # It may still run if only the task that kept it has ended.
                process = self._running.get(part.name) or await self._launched(part)
            except (OSError, ForkServerGone) as error:
                ending = f"could not be started: {error}"
            else:
                self._note_processes()
                code = await process.wait()
                self._running.pop(part.name, None)
                ending = f"(process {process.pid}) {how_it_ended(code)}"
            if part.name in self._stopping:
                return
            if process is not None:
                await give_back(held_dir(self._settings), process.pid, self._addresses.nats_url)
            if part.name in self._replaced:
                self._replaced.discard(part.name)
                continue
            crashes = 1 if time.monotonic() - began > STABLE_S else crashes + 1
            delay_s = backoff_s(crashes)
            if self.ready_s is None and crashes >= 3 and part.needed:
                log = self.watch.file_of(part.name)
                self._give_up(f"{part.name} {ending}. The end of {log}:\n{last_lines(log)}")
            again = f", crash {crashes} in a row" if crashes > 1 else ""
            self._warn(f"{part.name} {ending}; starting it again in {delay_s:.2g} s{again}")
            await asyncio.sleep(delay_s)

    async def start_again(self, name: str) -> None:
        """End a part so that its keeper starts it again, as when its code has changed; nothing if it does not run."""
        if name in self._running and name not in self._stopping:
            self._replaced.add(name)
            await self._end(name)

    async def _launched(self, part: Program | App) -> Running:
        over = self._launching[part.name] = asyncio.get_running_loop().create_future()
        try:
            process = self._running[part.name] = await self._launch(part)
            return process
        finally:
            del self._launching[part.name]
            over.set_result(None)

    async def _launch(self, part: Program | App) -> Running:
        log = self.watch.file_of(part.name)
        if isinstance(part, App):
            assert self._forks is not None
            environment = named_in_telemetry(part.name, with_secrets(part.secrets, self._environment))
            environment = as_nats_user(part.name, environment, self._addresses)
            return await self._forks.fork(part.name, part.app, part.after, environment, log, part.niceness)
        environment = with_secrets((), self._environment)
        # NATS holds the lock, too: if we die first, nothing else may use the directory while NATS writes to it.
        fds = (self._lock.fd,) if part.name == NATS and self._lock is not None else ()
        if part.name == NATS:
            environment = nats_environment(environment)
        return await start_program(part.command, environment, log, fds, part.niceness)

    def _give_up(self, why: str) -> None:
        if self._gave_up is not None and not self._gave_up.done():
            self._gave_up.set_result(why)

    # -- informing others

    def _announce(self) -> None:
        self._files.addresses(self._addresses, self.page_url)
        self._note_processes()

    def _note_processes(self) -> None:
        if not self._log_only:
            forkserver = {"forkserver": self._forks.pid} if self._forks is not None and self._forks.pid else {}
            self._files.processes({**forkserver, **self.pids()}, self.ready_s)

    # -- the end

    async def stop(self) -> None:
        """End all processes in order, those that hang with SIGKILL, and release the data directory."""
        if self._starting is not None:
            await ended(self._starting)
        if self.ready_s is None and self._forks is not None:
            # Nothing has used the apps yet, and the fork server reads no requests while it imports.
            self._stopping.update(self._keepers)
            self._forks.kill()
        for stage in Stage:
            await asyncio.gather(*(self._stop(part.name) for part in self._parts if part.stage is stage))
        if self._forks is not None:
            await self._forks.stop()
        await self._stop(NATS)
        await ended(*self._keepers.values())
        await self.watch.end()
        await self._targets.end()
        if not self._log_only:
            self._files.clear()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    async def _stop(self, name: str) -> None:
        self._stopping.add(name)
        await self._end(name)

    async def _end(self, name: str) -> None:
        if (launching := self._launching.get(name)) is not None:
            # A process that is being started now would be left running.
            await asyncio.wait([launching], timeout=GRACE_S)
        process = self._running.get(name)
        if process is None:
            return
        process.send(self._stop_signals.get(name, signal.SIGTERM))
        try:
            await asyncio.wait_for(process.wait(), GRACE_S)
        except TimeoutError:
            self._warn(f"{name} did not end within {GRACE_S} s of the signal to end: killing it")
            process.send(signal.SIGKILL)
            await process.wait()

    def kill(self) -> None:
        """End everything at once: for a second Ctrl-C."""
        self._stopping.update(self._keepers)
        if self._forks is not None:
            self._forks.kill()
        for process in list(self._running.values()):
            process.send(signal.SIGKILL)


@asynccontextmanager
async def running_system(
    settings: Settings,
    progress: Report = lambda _: None,
    warn: Report = lambda _: None,
    log_only: bool = False,
) -> AsyncIterator[Supervisor]:
    """Run a system for the length of a block. Raises what `Supervisor.start` raises."""
    supervisor = Supervisor(settings, progress, warn, log_only)
    await supervisor.start()
    try:
        yield supervisor
    finally:
        await supervisor.stop()
