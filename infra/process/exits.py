"""Code of others that calls `sys.exit()`, kept from ending the process of everybody.

asyncio hands SystemExit and KeyboardInterrupt of a task on through the event loop, past every `except` of whoever
awaits it. So they become an ordinary error within the task in which they are raised, and in all that are created there.
"""

import asyncio
from collections.abc import Coroutine, Generator
from contextvars import ContextVar
from typing import Any

_contains_exits: ContextVar[bool] = ContextVar("exits are contained", default=False)


class ExitAsked(RuntimeError):
    """Code of others wanted to end the process; the message says with what."""


async def contained(work: Coroutine[Any, Any, None]) -> None:
    """Await what runs code of others, in a task of its own.

    Raises ExitAsked where it, or a task that it creates, wants to end the process, and what it raises otherwise.
    """
    loop = asyncio.get_running_loop()
    if not isinstance(factory := loop.get_task_factory(), _Containing):
        loop.set_task_factory(_Containing(factory))
    _contains_exits.set(True)
    await _Contained(work)


class _Containing:
    """Makes the tasks of a loop, as its task factory."""

    def __init__(self, before: Any) -> None:
        self._make = before or _new_task

    def __call__(self, loop: asyncio.AbstractEventLoop, work: Any, **further: Any) -> Any:
        return self._make(loop, _Contained(work) if _contains_exits.get() else work, **further)


def _new_task(loop: asyncio.AbstractEventLoop, work: Any, **further: Any) -> "asyncio.Task[Any]":
    return asyncio.Task(work, loop=loop, **further)


class _Contained(Coroutine[Any, Any, Any]):
    """A coroutine that raises ExitAsked where `work` would end the process.

    It is no `async def`, for a task that is cancelled before it begins has to close `work`.
    """

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self._work = work

    def send(self, value: Any) -> Any:
        try:
            return self._work.send(value)
        except (SystemExit, KeyboardInterrupt) as error:
            raise _asked(error) from error

    def throw(self, *raised: Any) -> Any:
        try:
            return self._work.throw(*raised)
        except (SystemExit, KeyboardInterrupt) as error:
            raise _asked(error) from error

    def close(self) -> None:
        try:
            self._work.close()
        except (SystemExit, KeyboardInterrupt) as error:
            raise _asked(error) from error

    def __await__(self) -> Generator[Any, None, Any]:
        try:
            return (yield from self._work.__await__())
        except (SystemExit, KeyboardInterrupt) as error:
            raise _asked(error) from error


def _asked(error: BaseException) -> ExitAsked:
    return ExitAsked(f"{type(error).__name__}: {error}")
