"""What all commands share: where text is printed, and how errors look."""

import signal
import sys
from collections.abc import Coroutine, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import typer
from rich.console import Console

from infra.cli.interrupt import ENDS, exit_code, interruptible

if TYPE_CHECKING:
    from infra.bench.attempts import NotMeasured

T = TypeVar("T")
BAD_INPUT, FAILED = 2, 1


@cache
def out() -> Console:
    """Return the console for results: standard output, coloured on a terminal; wide if it is not one."""
    return Console(highlight=False, emoji=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)


@cache
def err() -> Console:
    """Return the console for progress and errors: standard error."""
    return Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)


def fail(message: str, code: int = FAILED) -> NoReturn:
    """Print what is wrong to standard error and exit with `code`."""
    err().print("[bold red]error:[/]", end=" ")
    err().print(message, markup=False)
    raise typer.Exit(code)


def fail_for(not_measured: "Sequence[NotMeasured]") -> None:
    """Exit with FAILED if there are parts of a measurement that failed, and name them; after those that did not."""
    if not_measured:
        fail(f"not measured: {'; '.join(each.part for each in not_measured)}")


def check_target(path: Path, ending: str = "", option: str = "--out") -> None:
    """Check that the folder of a file given with `option` exists, and that its name may end as its format does.

    A name without an ending says nothing about the format. Raises ValueError.
    """
    folder = path.absolute().parent
    if not folder.is_dir():
        raise ValueError(f"{option} {path}: there is no directory {folder}")
    if path.is_dir():
        raise ValueError(f"{option} {path}: this is a directory")
    if ending and path.suffix.lower() not in ("", ending) and (path.is_file() or not path.exists()):
        raise ValueError(
            f"{option} {path}: what is written is {ending[1:].upper()}, not {path.suffix[1:]}: name it "
            f"{path.with_suffix(ending)}"
        )


def progress(message: str) -> None:
    """Print to standard error what is going on."""
    err().print(f"[dim]{_escaped(message)}[/]")


def warn(message: str) -> None:
    """Print to standard error what went wrong, without ending the command."""
    err().print(f"[yellow]{_escaped(message)}[/]")


def warn_of_misspelt() -> None:
    """Print which variables look like settings but are not."""
    import os

    from infra.settings import misspelt

    for line in misspelt(os.environ):
        warn(line)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine; a signal that ends the command cancels it, and is told in one line.

    Raises what `work` raises; `infra.cli.app` shows CannotRun as one line. Exit codes of all commands: 0 done, 1
    failed, 2 the request is invalid (also by the command line's own parser), 130 ended by Ctrl-C, 143 by SIGTERM, 129
    by SIGHUP, 141 whoever read the output has gone.
    """
    import asyncio

    import uvloop

    from infra.cli.ending import Ending

    ending = Ending()
    try:
        with interruptible() as heeded, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(ending.or_done(work, heeded))
    except KeyboardInterrupt:
        number = ending.number or signal.SIGINT
    except asyncio.CancelledError:
        if ending.number is None:
            raise
        number = ending.number
    progress(ENDS[number])
    raise typer.Exit(exit_code(number))
