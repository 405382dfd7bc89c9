"""Standard output that cannot be written: a full disk, or a reader such as `head` that has gone.

Every command writes to it, some from libraries and tasks. So the stream itself raises errors that nothing else catches,
and the end of the command reports them in one line. Imports only small modules of the standard library: it is in force
before all others are imported.
"""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from typing_extensions import Buffer

UNWRITABLE = 1
READER_GONE = 141
"""Exit code if whoever read the output has gone, as in shells: 128 + SIGPIPE."""


class OutputLost(Exception):
    """What a command prints reaches nobody any more. Not an OSError, which code for files and connections catches."""

    exit_code = UNWRITABLE


class ReaderGone(OutputLost):
    """The reader of the pipe has closed it, as `head` does when it has enough: nothing to report."""

    exit_code = READER_GONE


class _Written(io.FileIO):
    """A descriptor that remembers the first error of writing, and takes and drops whatever comes afterwards."""

    def __init__(self, descriptor: int, is_heeded: bool) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self._is_heeded = is_heeded
        self.lost: OutputLost | None = None

    def write(self, data: "Buffer", /) -> int:
        if self.lost is None:
            try:
                return super().write(data)
            except BlockingIOError:
                raise
            except BrokenPipeError:
                self.lost = ReaderGone()
            except OSError as error:
                self.lost = OutputLost(f"standard output cannot be written: {error.strerror}")
            if self._is_heeded:
                raise self.lost
        return len(memoryview(data).cast("B"))


@contextmanager
def written_or_reported() -> Iterator[None]:
    """Have standard output raise OutputLost in the block, and end the process for it: one line and an exit code.

    Standard error that cannot be written changes nothing. A descriptor that was closed at the start (`>&-`) cannot be
    written, rather than being the next file or connection that is opened. Raises SystemExit.
    """
    _open_closed()
    output = _Written(1, is_heeded=True)
    sys.stdout = _text(output, sys.stdout)
    sys.stderr = _text(_Written(2, is_heeded=False), sys.stderr)
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OutputLost as error:
        output.lost = error
    except BaseExceptionGroup as group:
        if group.subgroup(OutputLost) is None:
            raise
    finally:
        if output.lost is not None:
            if str(output.lost):
                sys.stderr.write(f"error: {output.lost}\n")
            sys.exit(output.lost.exit_code)


def _open_closed() -> None:
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # the lowest free descriptor: this one


def _text(raw: _Written, like: TextIO | None) -> io.TextIOWrapper:
    """Return a text stream like the one that Python has made; it has made none for a descriptor that was closed."""
    buffer = io.BufferedWriter(raw)
    if not isinstance(like, io.TextIOWrapper):
        return io.TextIOWrapper(buffer, "utf-8", "backslashreplace", line_buffering=True)
    return io.TextIOWrapper(
        buffer, like.encoding, like.errors, line_buffering=like.line_buffering, write_through=like.write_through
    )
