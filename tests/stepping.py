"""Cancellations from elsewhere, at any await of a coroutine."""

import asyncio
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Injected:
    """How many awaits there have been, and whether the cancellation has happened."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.awaits = 0

    @property
    def done(self) -> bool:
        return self.awaits >= self.at


@coroutine
def with_cancellation(work: Coroutine[Any, Any, T], injected: Injected) -> Generator[Any, Any, T]:
    """Await `work`, in which the await number `injected.at` raises CancelledError though nobody has stopped the task.

    That is what an awaited future does that something else has cancelled.
    """
    send: Any = None
    error: BaseException | None = None
    while True:
        try:
            waited_for = work.throw(error) if error is not None else work.send(send)
        except StopIteration as end:
            result: T = end.value
            return result
        send, error = None, None
        injected.awaits += 1
        if injected.awaits == injected.at:
            if waited_for is not None:
                waited_for._asyncio_future_blocking = False
            error = asyncio.CancelledError()
            continue
        try:
            send = yield waited_for
        except BaseException as thrown:
            error = thrown
