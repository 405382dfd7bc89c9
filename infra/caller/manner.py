"""How a caller's client behaves: what it tells of its playback, and where it stalls."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Stall:
    """Once `after_s` of the agent were heard the client stands still for `seconds`.

    `sound`: it plays nothing and tells nothing, as a page whose audio device is suspended; `frozen`: it does not read
    either, as a process that gets no CPU; `reading`: it plays what it has and tells, but takes nothing in.
    """

    after_s: float
    seconds: float
    how: Literal["sound", "frozen", "reading"] = "sound"


@dataclass(frozen=True, slots=True)
class Echo:
    """How loud (dB of what is played) and how much later (ms) the microphone hears the agent."""

    db: float = -12
    delay_ms: float = 150


@dataclass(frozen=True, slots=True)
class Manner:
    """One client's manner. It tells counts with the `times` of its clock, bare `counts`, or `nothing`.

    With `knows_stalls` it says where it goes on after it stood still (`resumed`). With an `echo` its microphone hears
    the agent as well.
    """

    tells: Literal["times", "counts", "nothing"] = "times"
    stalls: tuple[Stall, ...] = ()
    knows_stalls: bool = True
    echo: Echo | None = None


ORDINARY = Manner()
