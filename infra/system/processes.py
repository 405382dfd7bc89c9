"""Child processes: a plain program, or an app forked from the fork server. Both end when their parent does."""

import asyncio
import contextlib
import ctypes
import errno
import json
import logging
import os
import shutil
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from infra.process.tasks import CancelledElsewhere, own_cancellation_only

log = logging.getLogger(__name__)

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies for any reason (Linux; no effect elsewhere)."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))


def dying_with_parent(*command: str) -> list[str]:
    """Return a command that runs `command` and dies with its parent (Linux; elsewhere the command itself).

    `preexec_fn` would be Python between fork and exec, which hangs now and then on a lock that another thread, of a
    native library for instance, held at the fork. Here a Python of its own runs first, for some 20 ms.
    """
    return _prepared("", command) if _libc is not None else list(command)


def standing_apart(*command: str, niceness: int = 0) -> list[str]:
    """Return a command that runs `command` as `stand_apart` says. Raises FileNotFoundError if there is no such program.

    It takes as long as `dying_with_parent`, for the same reason.
    """
    if shutil.which(command[0]) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), command[0])
    return _prepared(f"os.setpgid(0, 0); os.nice({niceness}); ", command)


def _prepared(steps: str, command: Sequence[str]) -> list[str]:
    """Return a command that dies with this process, takes these steps, and becomes `command`."""
    parent = f"os.getppid() == {os.getpid()} or sys.exit(1); "  # which may have died before the kernel was told
    become = "os.execvp(sys.argv[1], sys.argv[1:])"
    program = f"import os, sys; {_DYING if _libc is not None else ''}{parent}{steps}{become}"
    return [sys.executable, "-I", "-S", "-c", program, *command]


_DYING = f"import ctypes; ctypes.CDLL(None).prctl({PR_SET_PDEATHSIG}, {int(signal.SIGKILL)}); "


def stand_apart(niceness: int = 0) -> None:
    """Make this new child die with its parent, put it in a process group of its own, and raise its niceness.

    For a fork; a program is started with `standing_apart`. So Ctrl-C in the terminal reaches only the parent, which
    then ends the others in order. It is not a session of its own: Linux divides the CPU between sessions first
    (`sched_autogroup_enabled`), so the jobs of ten rooms together would get no more of it than the one process that
    writes recordings, and niceness would have no effect.
    """
    die_with_parent()
    os.setpgid(0, 0)
    os.nice(niceness)


def name_process(name: str) -> None:
    """Set what `ps -o comm` and `top` show for this process (15 characters)."""
    if _libc is not None:
        _libc.prctl(PR_SET_NAME, name.encode()[:15])


class Running(Protocol):
    """A started child process."""

    @property
    def pid(self) -> int:
        """Its process id."""

    async def wait(self) -> int:
        """Return its exit code once it has ended, negative for a signal."""

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens if it has ended."""


class ProgramProcess:
    """A child started from a command line."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def wait(self) -> int:
        """Return its exit code once it has ended, negative for a signal."""
        return await self._process.wait()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens if it has ended."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)


async def start_program(
    command: Sequence[str], env: Mapping[str, str], log: Path, pass_fds: tuple[int, ...] = (), niceness: int = 0
) -> ProgramProcess:
    """Start a program whose output goes to the file `log`. Raises OSError."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *standing_apart(*command, niceness=niceness),
            env=dict(env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=pass_fds,
        )
    return ProgramProcess(process)


class ForkServerGone(RuntimeError):
    """The fork server ended before it had done what was asked."""


class ForkedProcess:
    """A child of the fork server."""

    def __init__(self, pid: int, server: "ForkServerClient") -> None:
        self._pid = pid
        self._server = server
        self.exit_code: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._pid

    async def wait(self) -> int:
        """Return its exit code once it has ended, negative for a signal."""
        return await asyncio.shield(self.exit_code)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens if it has ended."""
        if not self.exit_code.done():
            self._server.send_signal(self._pid, number)


class ForkServerClient:
    """Our end of `infra.system.forkserver`: a process that has the heavy imports done and forks apps in ms.

    It is started when first needed, and again if it dies; its children die with it. It imports `modules`, or if there
    are none, those that the system's apps need.
    """

    def __init__(self, env: Mapping[str, str], log: Path, modules: Sequence[str] = ()) -> None:
        self._modules = modules
        self._env = dict(env)
        self._log = log
        self._process: Process | None = None
        self._children: dict[int, ForkedProcess] = {}
        self._starting = asyncio.Lock()
        self._forking: dict[str, asyncio.Future[int]] = {}
        self._reader: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The fork server's process id, None while there is none."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Start it unless it runs, without waiting for its imports. Raises OSError."""
        async with self._starting:
            if self._process is not None:
                return
            with self._log.open("ab") as output:
                self._process = await asyncio.create_subprocess_exec(
                    *standing_apart(sys.executable, "-m", "infra.system.forkserver", *self._modules),
                    # Libraries that start a pool of threads when imported must not do so before a fork.
                    env={"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **self._env},
                    stdin=PIPE,
                    stdout=PIPE,
                    stderr=output,
                )
            self._reader = asyncio.create_task(self._read(self._process), name="fork server's answers")

    async def fork(
        self, name: str, app: str, after: str, env: Mapping[str, str], log: Path, niceness: int = 0
    ) -> ForkedProcess:
        """Start `app` (`module:attribute`) as process `name`, as soon as the module `after` has been imported.

        Raises ForkServerGone, OSError.
        """
        await self.start()
        started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._forking[name] = started
        try:
            command = {"start": name, "app": app, "after": after, "env": dict(env), "log": str(log)}
            self._send({**command, "niceness": niceness})
            return self._children[await started]
        finally:
            self._forking.pop(name, None)

    def send_signal(self, pid: int, number: signal.Signals) -> None:
        """Signal a child through the fork server: only it knows that the pid is still the child's."""
        with contextlib.suppress(ForkServerGone):
            self._send({"signal": int(number), "pid": pid})

    async def stop(self) -> None:
        """End it, and what is left of its children."""
        process, reader = self._process, self._reader
        if process is None or reader is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(asyncio.shield(reader), 2)
        except TimeoutError:
            self.kill()
            await reader

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    def _send(self, command: Mapping[str, object]) -> None:
        if self._process is None or self._process.stdin is None or self._process.stdin.is_closing():
            raise ForkServerGone("the fork server is not running")
        self._process.stdin.write(json.dumps(command).encode() + b"\n")

    async def _read(self, process: Process) -> None:
        """Process its answers until it has ended, whatever interrupts: nothing else learns which children ended."""
        while True:
            try:
                with own_cancellation_only():
                    await self._take_answers(process)
                    await process.wait()
                    break
            except CancelledElsewhere as error:
                log.error("reading from the fork server: %s; reading continues", error)
        self._process = None
        for pid in list(self._children):
            self._ended(pid, -int(signal.SIGKILL))
        for started in self._forking.values():
            if not started.done():
                started.set_exception(ForkServerGone(f"the fork server ended: see {self._log}"))

    async def _take_answers(self, process: Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            answer = json.loads(line)
            if "started" in answer:
                self._started(int(answer["started"]), answer["name"])
            else:
                self._ended(int(answer["ended"]), int(answer["code"]))

    def _started(self, pid: int, name: str) -> None:
        self._children[pid] = ForkedProcess(pid, self)
        started = self._forking.get(name)
        if started is not None and not started.done():
            started.set_result(pid)
        else:  # the caller asks for it again, so this one would be a second
            self.send_signal(pid, signal.SIGKILL)

    def _ended(self, pid: int, code: int) -> None:
        child = self._children.pop(pid, None)
        if child is not None and not child.exit_code.done():
            child.exit_code.set_result(code)


def alive(pid: int) -> bool:
    """Return whether a process with this id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
