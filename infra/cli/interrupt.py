"""A signal that ends a command, at any moment of it, prints one line and sets the exit code: no traceback.

That is even so during imports. Imports only small modules of the standard library, because it must be in force before
all others are imported.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "hung up"}
"""The signals that end a command, and what it says then. Whatever else it starts ends with it."""


def exit_code(number: int) -> int:
    """Return the exit code of a command that a signal has ended, as in shells: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + number


@contextmanager
def leave_on_interrupt() -> Iterator[None]:
    """End the process at such a signal, while there is nothing to clean up; `interruptible` is for when there is.

    Raising KeyboardInterrupt would not work: libraries that are being imported catch it, or turn it into other errors.
    """
    # One that is ignored stays so, as Ctrl-C for what was started with `&`.
    heeded = [each for each in ENDS if signal.getsignal(each) in (signal.default_int_handler, signal.SIG_DFL)]
    for number in heeded:
        signal.signal(number, _leave)
    try:
        yield
    except SystemExit as end:
        if isinstance(end.code, int) and end.code in map(exit_code, ENDS):
            # Python would wait for threads, and one of them may wait for a line from standard input.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(end.code)
        raise
    finally:
        # Only Python's own shutdown is left.
        for number in heeded:
            signal.signal(number, signal.SIG_IGN)


@contextmanager
def interruptible() -> Iterator[list[signal.Signals]]:
    """Have Ctrl-C raise KeyboardInterrupt in the block, so that it can clean up and asyncio can cancel its task.

    Yields all signals that end the command; for those that Python has no handler of, the block has to do the same.
    """
    heeded = [each for each in ENDS if signal.getsignal(each) is _leave]
    if signal.SIGINT in heeded:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield heeded
    finally:
        for number in heeded:
            signal.signal(number, _leave)


def _leave(number: int, frame: FrameType | None) -> None:
    # Not `print`: the signal may arrive in the middle of another `print`.
    os.write(2, f"{ENDS[signal.Signals(number)]}\n".encode())
    os._exit(exit_code(number))
