"""Ctrl-C at any moment of a command is one line and an exit code, also while it still imports: no traceback.

Imports nothing but the standard library's small modules, as it has to be in force before all others are imported.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130
"""Exit code of what Ctrl-C has ended, as shells have it: 128 + SIGINT."""


@contextmanager
def leave_on_interrupt() -> Iterator[None]:
    """End the process at Ctrl-C, while there is nothing to clear up; `interruptible` is for when there is.

    Raising KeyboardInterrupt would not do: libraries that are being imported catch it, or make errors of theirs of it.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # started with `nohup` or `&`: ignored
        yield
        return
    signal.signal(signal.SIGINT, _leave)
    try:
        yield
    finally:
        # What is left is Python's own end.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def interruptible() -> Iterator[None]:
    """Have Ctrl-C raise KeyboardInterrupt in the block, so that it can clear up, and asyncio cancel its task."""
    if signal.getsignal(signal.SIGINT) is not _leave:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, _leave)


def _leave(number: int, frame: FrameType | None) -> None:
    # Not `print`: the signal may have come in the middle of another one.
    os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)
