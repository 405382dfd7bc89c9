"""Whether processes can do their work, as they tell who asks from outside: what `daredevil health` prints."""

from dataclasses import dataclass

from infra.process.own_probe import problem_at
from infra.settings import Settings


@dataclass(frozen=True, slots=True)
class ProcessHealth:
    """A process of a system, all copies of it."""

    process: str
    ready: bool
    problem: str
    """Why it cannot do its work; empty if it can."""
    copies: int
    """How many have answered over NATS; 1 for one that was asked at its port."""


@dataclass(frozen=True, slots=True)
class Health:
    """A system, or those processes of it that were asked for."""

    ready: bool
    problem: str
    """What is wrong, in one line; empty if nothing is."""
    processes: tuple[ProcessHealth, ...]


def health_at_port(name: str, settings: Settings, timeout_s: float) -> Health:
    """Ask the one process whose probes are at DAREDEVIL_PROBE_PORT."""
    problem = problem_at(name, settings.probe_host, settings.probe_port or 0, timeout_s)
    return Health(not problem, problem, (ProcessHealth(name, not problem, problem, 1),))
