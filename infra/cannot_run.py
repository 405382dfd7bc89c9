"""Errors that people can fix, and how a process ends with one: a line and an exit code, no traceback."""

from collections.abc import Iterator
from contextlib import contextmanager


class CannotRun(Exception):
    """A process or a command cannot do its work as things are; the message says why, and what to do about it.

    Libraries raise it like any other error. The entry point of a process (the command line, an app) shows it as one
    line and ends the process with `exit_code`: 1 if something failed, 2 if the request was invalid.
    """

    exit_code = 1


@contextmanager
def ends_process() -> Iterator[None]:
    """End the process with one line if the block raises CannotRun. For the entry points of processes."""
    try:
        yield
    except CannotRun as error:
        import logging  # whoever writes an agent imports this module, too, and logs nothing

        logging.getLogger(__name__).error("%s", error)
        raise SystemExit(error.exit_code) from error
