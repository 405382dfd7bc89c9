"""Processes of Python that compute for a command, in parallel, and end with it."""

import multiprocessing
import signal
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from infra.system.processes import die_with_parent

P = ParamSpec("P")
T = TypeVar("T")

_OF_THE_COMMAND = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""A terminal sends them to all processes of a command; they are for the command itself to act on."""


class WorkerProcesses(ProcessPoolExecutor):
    """Up to `count` of them, which import what they need. A block that fails kills them, whatever they do then."""

    def __init__(self, count: int) -> None:
        super().__init__(count, mp_context=multiprocessing.get_context("spawn"), initializer=die_with_parent)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Have a function called in one of them."""
        # This starts them, and what is blocked here stays so in them.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _OF_THE_COMMAND)
        try:
            return super().submit(fn, *args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Any:
        """Wait for what they still do, or kill them if the block has failed."""
        if kind is not None:
            for worker in multiprocessing.active_children():
                worker.kill()
        return super().__exit__(kind, error, traceback)
