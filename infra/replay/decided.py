"""The lines of code that decided: where an actor appended something or asked an engine."""

import sys
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).parents[2]

DECIDING = ("actors", "bridge")
"""Packages in which decisions are made."""

CARRIERS = frozenset(
    {
        "actors/reasoning/session_log.py",
        "actors/reasoning/reply_writer.py",
        "actors/transcript/event_writer.py",
        "bridge/call/publisher.py",
        "bridge/call/tasks.py",
        "contracts/answers.py",
    }
)
"""Files that only pass on what was decided: they are named last."""

MOST = 4

DECIDED_AT: ContextVar[tuple["Place", ...]] = ContextVar("decided_at", default=())
"""Where an event was handed to the task that appends it: that task's own stack does not say."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of this project's code: `file` as `actors/reasoning/generation.py`, `function` as `Generation._start`."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.function} ({self.file}:{self.line})"


def deciding_places() -> tuple[Place, ...]:
    """Return the places in actors and bridge that led here, the one that decided first, at most four."""
    places: list[Place] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        place = _place_of(frame)
        if place is not None:
            places.append(place)
        frame = frame.f_back
    deciding = [place for place in places if place.file not in CARRIERS]
    return tuple((deciding or DECIDED_AT.get() or places)[:MOST])


def _place_of(frame: FrameType) -> Place | None:
    path = Path(frame.f_code.co_filename)
    if not path.is_relative_to(ROOT):
        return None
    file = path.relative_to(ROOT)
    if file.parts[0] not in DECIDING:
        return None
    return Place(file.as_posix(), frame.f_lineno, frame.f_code.co_qualname)
