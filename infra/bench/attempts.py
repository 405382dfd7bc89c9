"""Long measurements in parts: one that fails costs itself alone, not the figures of the others."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from infra.process.error_text import in_one_line

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
        not_measured.append(NotMeasured(part, in_one_line(error)))
        report(f"{part} was not measured: {not_measured[-1].reason}")
