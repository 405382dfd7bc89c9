"""The fork server: imports what is heavy once, then forks an app for each line that asks for one.

Reads JSON lines from stdin (`{"start", "app", "env", "log"}`, `{"signal", "pid"}`), writes `{"started": pid}` and
`{"ended": pid, "code": n}` to stdout. It ends when stdin does, and its children with it. It runs no event loop and
no threads, as a fork copies only the thread that calls it.
"""

import gc
import importlib
import json
import logging
import os
import select
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn, TextIO

from infra.embedded.processes import die_with_parent, name_process

log = logging.getLogger("forkserver")

PRELOADED = (
    "infra.broker",
    "infra.feed",
    "infra.inbox",
    "uvicorn",
    "livekit.agents",
    "langchain_openai",
    "langgraph.graph",
)
"""Slow to import and needed by some app. Not onnxruntime: importing it starts a native thread."""


def main() -> None:
    """Serve until stdin ends."""
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)-7s forkserver: %(message)s", datefmt="%H:%M:%S")
    name_process("dd-forkserver")
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints must not be taken for an answer
    _preload()
    reaped, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: set[int] = set()
    pending = b""
    while True:
        readable, _, _ = select.select([0, reaped], [], [])
        if reaped in readable:
            os.read(reaped, 4096)
            for pid, code in _reap():
                children.discard(pid)
                print(json.dumps({"ended": pid, "code": code}), file=answers)
        if 0 in readable:
            data = os.read(0, 1 << 20)
            if not data:
                break
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                _obey(json.loads(line), children, answers, (reaped, wake))
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def _preload() -> None:
    started = time.monotonic()
    for module in PRELOADED:
        importlib.import_module(module)
    threads = len(os.listdir("/proc/self/task")) if sys.platform == "linux" else threading.active_count()
    if threads > 1:
        log.warning("%d threads run after the imports: forked apps may hang", threads)
    gc.collect()
    gc.freeze()  # keeps the collector from writing to memory that all apps share
    log.info("imports done in %.1f s", time.monotonic() - started)


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


def _obey(command: dict[str, Any], children: set[int], answers: TextIO, wake_pipe: tuple[int, int]) -> None:
    if "start" in command:
        pid = os.fork()
        if pid == 0:
            # The pipes are the fork server's: a copy in the app would keep them open after its end.
            for fd in (answers.fileno(), *wake_pipe):
                os.close(fd)
            _become(command["start"], command["app"], command["env"], Path(command["log"]))
        children.add(pid)
        print(json.dumps({"started": pid}), file=answers)
    elif command["pid"] in children:
        os.kill(command["pid"], command["signal"])


def _become(name: str, app: str, env: dict[str, str], log_file: Path) -> NoReturn:
    """Turn this fresh fork into the app, as `faststream run` would run it."""
    code = 1
    try:
        die_with_parent()
        if os.getppid() == 1:
            os._exit(1)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
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

    module, _, attribute = app.partition(":")
    application = getattr(importlib.import_module(module), attribute)
    anyio.run(application.run)


if __name__ == "__main__":
    main()
