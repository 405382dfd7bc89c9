"""Long measurements in parts: one that fails costs itself alone, not the figures of the others."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from infra.cannot_run import CannotRun

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """A part that was not measured, and why."""

    part: str
    reason: str


@contextmanager
def attempt(part: str, not_measured: list[NotMeasured], report: Report) -> Iterator[None]:
    """Run the block as one part of a measurement: if it raises, note and report that, and go on after it.

    Whatever it raises: an hour of figures is worth more than a traceback. Ctrl-C still ends all of it.
    """
    try:
        yield
    except Exception as error:
        not_measured.append(NotMeasured(part, reason_of(error)))
        report(f"{part} was not measured: {not_measured[-1].reason}")


def reason_of(error: BaseException) -> str:
    """Return in one line why something failed; of several errors at once, each."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(reason_of(each) for each in error.exceptions)
    said = " ".join(str(error).split())
    if isinstance(error, CannotRun) and said:
        return said
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
