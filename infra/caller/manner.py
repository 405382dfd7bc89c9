"""How a caller's client behaves: what it reports of its playback, and when it stalls."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Stall:
    """After `after_s` of the agent were heard, the client stalls for `seconds`.

    `sound`: it plays and reports nothing, like a page whose audio device is suspended; `frozen`: it does not read
    either, like a process that gets no CPU; `reading`: it plays what it has and reports, but reads nothing.
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
    """One client's manner. It reports counts with the `times` of its clock, bare `counts`, or `nothing`.

    With `knows_stalls` it reports where it continues after a stall (`resumed`). With an `echo` its microphone also
    hears the agent.
    """

    tells: Literal["times", "counts", "nothing"] = "times"
    stalls: tuple[Stall, ...] = ()
    knows_stalls: bool = True
    echo: Echo | None = None


ORDINARY = Manner()
