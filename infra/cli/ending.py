"""A command's coroutine, cancelled by a signal that ends the command, so that it can clean up."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import FrameType
from typing import Any, TypeVar

import typer

T = TypeVar("T")


class Ending:
    """Which signal has ended a command: `number`, None while none has."""

    def __init__(self) -> None:
        self.number: signal.Signals | None = None

    async def or_done(self, work: Coroutine[Any, Any, T], heeded: Sequence[signal.Signals]) -> T:
        """Return what `work` returns, or cancel it at one of the signals that are heeded.

        Raises CancelledError if one has come, whatever `work` made of that: an error on its way out, or nothing.
        """
        self._heed(heeded)
        try:
            found = await work
        except typer.Exit:  # the command heeds the signal itself
            raise
        except Exception as error:
            if self.number is None:
                raise
            raise asyncio.CancelledError from error
        finally:
            if self.number is not None:
                _forget_the_rest(asyncio.get_running_loop())
        if self.number is not None:
            raise asyncio.CancelledError
        return found

    def _heed(self, heeded: Sequence[signal.Signals]) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        for number in heeded:
            if number != signal.SIGINT:
                loop.add_signal_handler(number, self._end, number, task)
            elif callable(cancel := signal.getsignal(number)):  # asyncio's, which cancels this task
                signal.signal(number, partial(self._note, cancel))

    def _end(self, number: signal.Signals, task: "asyncio.Task[Any]") -> None:
        if self.number is None:
            self.number = number
            task.cancel()

    def _note(self, cancel: Callable[[int, FrameType | None], Any], number: int, frame: FrameType | None) -> None:
        self.number = self.number or signal.Signals(number)
        cancel(number, frame)


def _forget_the_rest(loop: asyncio.AbstractEventLoop) -> None:
    # What fails because the command ends is not to be told, whoever should have waited for it.
    loop.set_exception_handler(lambda _loop, _context: None)
    # Nor are threads waited for: one that reads standard input would wait for a line.
    loop.set_default_executor(ThreadPoolExecutor(1))
