"""Ctrl-C at any moment of a command prints one line and sets the exit code, even during imports: no traceback.

Imports only small modules of the standard library, because it must be in force before all others are imported.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130
"""Exit code of a command ended by Ctrl-C, as in shells: 128 + SIGINT."""


@contextmanager
def leave_on_interrupt() -> Iterator[None]:
    """End the process at Ctrl-C, while there is nothing to clean up; `interruptible` is for when there is.

    Raising KeyboardInterrupt would not work: libraries that are being imported catch it, or turn it into other errors.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # started with `nohup` or `&`: ignored
        yield
        return
    signal.signal(signal.SIGINT, _leave)
    try:
        yield
    finally:
        # Only Python's own shutdown is left.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def interruptible() -> Iterator[None]:
    """Have Ctrl-C raise KeyboardInterrupt in the block, so that it can clean up and asyncio can cancel its task."""
    if signal.getsignal(signal.SIGINT) is not _leave:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, _leave)


def _leave(number: int, frame: FrameType | None) -> None:
    # Not `print`: the signal may arrive in the middle of another `print`.
    os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)
