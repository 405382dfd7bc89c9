"""How a process ends: in time, whatever hangs, and without taking itself apart.

Supervisors kill what does not end in time (compose after 10 s unless told otherwise, Kubernetes after 30 s), and then
nothing is handed over. So each step of an end has a bound. Where one does not keep it, as a thread that loads a model
on a busy machine, the process leaves all the same.
"""

import asyncio
import atexit
import logging
import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NoReturn, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE_S = 8.0
"""How long the end of a process may take, besides the time in which its calls may go on."""

OVERDUE = 1
"""Exit code of a process whose end took longer."""


class Leaving:
    """The end of this process, if the process is that of one app: nothing else lives in it."""

    def __init__(self, is_apps: bool) -> None:
        self._is_apps = is_apps
        self._overdue: threading.Timer | None = None

    def begin(self, patience_s: float) -> None:
        """Leave after `patience_s` at the latest, from now on."""
        if self._is_apps and self._overdue is None:
            self._overdue = threading.Timer(patience_s, _leave_overdue, [patience_s])
            self._overdue.daemon = True
            self._overdue.start()

    def finish(self, code: int) -> None:
        """Have Python end at once after the app, also one that failed; `code` is the exit code.

        To take loaded models apart costs seconds, on a busy machine many, and threads of theirs that still run then may
        abort the process.
        """
        if self._is_apps:
            atexit.register(leave, code)


def is_faststreams() -> bool:
    """Return whether this process is `faststream run`, and so that of one app."""
    return "faststream" in Path(sys.argv[0]).parts[-2:]


def leave(code: int) -> NoReturn:
    """End this process without clearing up: the system does so faster."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _leave_overdue(patience_s: float) -> None:
    log.error("the process has not ended within %g s and leaves", patience_s)
    leave(OVERDUE)


@asynccontextmanager
async def ends_within(context: AbstractAsyncContextManager[T], patience_s: float, what: str) -> AsyncIterator[T]:
    """Be a context whose end takes `patience_s` at most; one that takes longer is cancelled, which is logged."""
    stack = AsyncExitStack()
    value = await stack.enter_async_context(context)
    try:
        yield value
    except BaseException:
        if not await stack.__aexit__(*sys.exc_info()):
            raise
    else:
        try:
            async with asyncio.timeout(patience_s):
                await stack.aclose()
        except TimeoutError:
            log.warning("the end of %s took longer than %g s", what, patience_s)
