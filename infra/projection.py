"""What a projection is to the rest of the system: one row, read by supervisor, command line, doctor and erasure.

Our own rows are listed in `projections/__init__.py`. The setting DAREDEVIL_PROJECTIONS names further ones as
`module:ROW`, so that a projection can be added without changing this program: see docs/extending.md.
"""

import importlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from nats.aio.client import Client

from infra.cannot_run import CannotRun
from infra.settings import Settings
from infra.settings_given import how_to_unset
from infra.settings_types import items_of

OWN = "projections:ROWS"
"""Where our own rows are. They are imported by name, like others': no module here depends on a projection."""

PREFIX = "projection-"

Progress = Callable[[str, int, int], None]
"""Called with what a rebuild is doing, and how many of how many facts are done (0 of 0 if that is not known)."""


class UnknownProjection(RuntimeError):
    """The setting names something that is not a row of a projection; the message says what and what to do."""


class NeedsOnePartition(CannotRun):
    """Projections are on that cannot read this log, as it has several partitions; the message says what to do."""

    exit_code = 2


class NotRebuilt(RuntimeError):
    """A rebuild was not possible and has changed nothing; the message says why and what to do."""


class StateUnknown(RuntimeError):
    """It cannot be checked whether words are erased, and waiting does not help; the message says why."""


@dataclass(slots=True)
class Difference:
    """How many rows of a table were only in the old copy, only in the new one, or changed."""

    only_old: int = 0
    only_new: int = 0
    changed: int = 0

    def __bool__(self) -> bool:
        """Return whether there is any."""
        return bool(self.only_old or self.only_new or self.changed)


@dataclass(slots=True)
class Rebuilt:
    """The outcome of a rebuild: how many events it processed, and how the old copy compared, by table."""

    events: int = 0
    seconds: float = 0
    errors: int = 0
    last_error: str = ""
    differences: dict[str, Difference] = field(default_factory=dict)


Verify = Callable[[Settings, Client], Awaitable[list[str]]]
Unerased = Callable[[Settings, Sequence[str]], Awaitable[str]]
Rebuild = Callable[[Settings, Client, Progress, bool], Awaitable[Rebuilt]]


@dataclass(frozen=True, slots=True)
class Projection:
    """A copy of the log in another shape.

    `name` is what people call it (`postgres`), `app` its FastStream app as `module:attribute`. A row is read by
    programs that run no projection, so its functions import what they need when they are called.
    """

    name: str
    app: str
    verify: Verify
    """Return each difference between the log and the copy as one line; a server that is away counts as one."""
    enabled: Callable[[Settings], bool] = lambda _settings: True
    """Return whether the settings switch it on."""
    reads_partitions: bool = True
    """Whether it can read a log of several partitions; one that keeps a single position cannot."""
    switched_on_by: str = "projections"
    """The setting, in lower case, without which it would be off."""
    problem: Callable[[Settings], str] = lambda _settings: ""
    """Return what is wrong with its settings, for `daredevil doctor`; empty if nothing is."""
    unerased: Unerased | None = None
    """Return what the copy still has of erased sessions; empty once it has nothing. Raises StateUnknown, or
    whatever its driver raises while its server is away. None where words stay until the copy's own retention removes
    them."""
    out_of_reach: str = ""
    """What stays in it after an erasure, and for how long: a line of the receipt."""
    rebuild: Rebuild | None = None
    """Rebuild the copy from the log; with True as the last argument even if the log has lost facts that the copy
    has. Raises NotRebuilt. None where it cannot be rebuilt by a command."""

    @property
    def process(self) -> str:
        """The name of its process, its log file, its status subject and the durable of its dead letters."""
        return PREFIX + self.name


def projections(settings: Settings) -> list[Projection]:
    """Return all rows, including projections that are switched off: ours, then others'. Raises UnknownProjection."""
    rows = list(_named(OWN))
    for name in items_of(settings.projections):
        rows += _named(name)
    doubled = {row.name for row in rows if sum(other.name == row.name for other in rows) > 1}
    if doubled:
        raise UnknownProjection(
            f"two projections are called {doubled.pop()}: rename the one that DAREDEVIL_PROJECTIONS adds"
        )
    return rows


def enabled(settings: Settings) -> list[Projection]:
    """Return the rows of the projections that the settings switch on. Raises UnknownProjection."""
    return [row for row in projections(settings) if row.enabled(settings)]


def partitions_problem(settings: Settings, partitions: int) -> str:
    """Return why projections that are on cannot follow a log of so many partitions, and what to do.

    Empty if they can. Raises UnknownProjection.
    """
    rows = [] if partitions == 1 else [row for row in enabled(settings) if not row.reads_partitions]
    if not rows:
        return ""
    names = " and ".join(row.name for row in rows)
    ways = " and ".join(dict.fromkeys(how_to_unset(row.switched_on_by) for row in rows))
    return (
        f"the projection {names} reads a log of one partition, and this one has {partitions}: {ways} to run without "
        "it, or begin a new log with one partition (docs/scale.md)"
    )


def check_partitions(settings: Settings, partitions: int) -> None:
    """Raise NeedsOnePartition if projections are on that could not follow a log of so many partitions."""
    try:
        problem = partitions_problem(settings, partitions)
    except UnknownProjection:
        return  # which is told where projections are started
    if problem:
        raise NeedsOnePartition(problem)


def _named(name: str) -> Sequence[Projection]:
    """Return the row, or rows, that `module:ATTRIBUTE` names. Raises UnknownProjection."""
    module, colon, attribute = name.partition(":")
    if not colon or not module or not attribute:
        raise UnknownProjection(f"DAREDEVIL_PROJECTIONS names {name!r}, which is not of the form `module:ROW`")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        remedy = f"install the package that contains {module}, or add its folder to PYTHONPATH"
        raise UnknownProjection(f"DAREDEVIL_PROJECTIONS names {name}: {error}; {remedy}") from error
    except AttributeError as error:
        raise UnknownProjection(f"DAREDEVIL_PROJECTIONS names {name}, but {module} has no {attribute}") from error
    rows = [found] if isinstance(found, Projection) else list(found) if isinstance(found, tuple) else []
    if not rows or not all(isinstance(row, Projection) for row in rows):
        raise UnknownProjection(f"DAREDEVIL_PROJECTIONS names {name}, which is not an infra.projection.Projection")
    return rows
