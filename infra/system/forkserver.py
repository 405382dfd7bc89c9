"""The fork server: imports heavy modules once, then forks an app for each request.

Reads JSON lines from stdin (`{"start", "app", "after", "env", "log", "niceness"}`, `{"signal", "pid"}`),
writes `{"started": pid, "name"}` and `{"ended": pid, "code": n}` to stdout. It and its children end when
stdin is closed. It runs no event loop and no threads, as a fork copies only the thread that calls it.
"""

import gc
import importlib
import json
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, TextIO

from setproctitle import setproctitle

from infra.process.threads import thread_count
from infra.settings import Settings
from infra.system.processes import name_process, stand_apart
from infra.telemetry.logs import set_up_logs

log = logging.getLogger("forkserver")

BASE = "infra.log.inbox"
PRELOADED = ("infra.log.broker", "infra.log.session_feed", "uvicorn", "numpy", BASE, "livekit.agents")
"""Slow to import and needed by several apps; in this order, and an app is forked as soon as the module that it waits
for is imported. Not onnxruntime: importing it starts a native thread."""

LATER = ("langchain_openai", "langgraph.graph")
"""Needed by one app, which imports them itself on the first start, while others use the other core; imported here
once all is quiet, so that this app starts again as fast as the others after a crash."""

QUIET_S = 20


class ForkServer:
    """The loop: import, fork, reap, until stdin ends."""

    def __init__(self, answers: TextIO, preloaded: Sequence[str], later: Sequence[str]) -> None:
        self._answers = answers
        self._to_import = list(preloaded)
        self._later = list(later)
        self._waiting: list[dict[str, Any]] = []
        self._children: set[int] = set()
        self._pending = b""
        self._reaped, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def run(self) -> None:
        """Serve until stdin ends."""
        started = time.monotonic()
        gc.disable()  # there is no garbage while importing, and collecting would write to memory that all apps share
        while self._take(wait_s=0 if self._to_import else QUIET_S if self._later else None):
            if self._to_import:
                importlib.import_module(self._to_import.pop(0))
                if not self._to_import:
                    _warn_of_threads()
                    log.info("imports done in %.1f s", time.monotonic() - started)
            ready = [command for command in self._waiting if command["after"] not in self._to_import]
            self._waiting = [command for command in self._waiting if command not in ready]
            for command in ready:
                self._fork(command)
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)

    def _take(self, wait_s: float | None) -> bool:
        """Handle what has arrived; return whether stdin is still open."""
        readable, _, _ = select.select([0, self._reaped], [], [], wait_s)
        if not readable and not self._to_import:
            self._to_import, self._later = self._later, []
        if self._reaped in readable:
            os.read(self._reaped, 4096)
            for pid, code in _reap():
                self._children.discard(pid)
                self._answer({"ended": pid, "code": code})
        if 0 not in readable:
            return True
        data = os.read(0, 1 << 20)
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            command = json.loads(line)
            if "start" in command:
                self._waiting.append(command)
            elif command["pid"] in self._children:
                os.kill(command["pid"], command["signal"])
        return bool(data)

    def _fork(self, command: dict[str, Any]) -> None:
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            # The pipes are the fork server's: a copy in the app would keep them open after its end.
            for fd in (self._answers.fileno(), self._reaped, self._wake):
                os.close(fd)
            _become(command["start"], command["app"], command["env"], Path(command["log"]), command["niceness"])
        self._children.add(pid)
        self._answer({"started": pid, "name": command["start"]})

    def _answer(self, answer: dict[str, Any]) -> None:
        print(json.dumps(answer), file=self._answers)


def main(modules: Sequence[str]) -> None:
    """Serve until stdin ends, with these modules imported, or if there are none, those that the system's apps need."""
    # Not `settings()`, which apps would inherit: they have an environment of their own.
    set_up_logs("forkserver", Settings())
    setproctitle("daredevil: forkserver")
    name_process("dd-forkserver")
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints must not be mistaken for an answer
    ForkServer(answers, modules or PRELOADED, () if modules else LATER).run()


def _warn_of_threads() -> None:
    if (threads := thread_count()) > 1:
        log.warning("%d threads run after the imports: forked apps may hang", threads)


def _reap() -> list[tuple[int, int]]:
    ended: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended.append((pid, os.waitstatus_to_exitcode(status)))


def _become(name: str, app: str, env: dict[str, str], log_file: Path, niceness: int) -> NoReturn:
    """Turn this fresh fork into the app, as `faststream run` would run it."""
    code = 1
    try:
        stand_apart(niceness)
        if os.getppid() == 1:
            os._exit(1)
        gc.enable()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        setproctitle(f"daredevil: {name}")
        name_process(f"dd-{name}")
        os.environ.clear()
        os.environ.update(env)
        _redirect(log_file)
        for handler in list(logging.root.handlers):
            logging.root.removeHandler(handler)
        run_app(app)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _redirect(log_file: Path) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)


def run_app(app: str) -> None:
    """Import and run `module:attribute` until SIGTERM, as `faststream run` does."""
    import anyio
    import uvloop

    module, _, attribute = app.partition(":")
    application = getattr(importlib.import_module(module), attribute)
    anyio.run(application.run, backend_options={"loop_factory": uvloop.new_event_loop})


if __name__ == "__main__":
    main(sys.argv[1:])
