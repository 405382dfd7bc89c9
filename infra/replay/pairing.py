"""Differences in the order in which a person wants them: both sides of one fact together, the telling ones first."""

from collections.abc import Sequence
from dataclasses import replace

from contracts.events import Event
from infra.replay.compare import field_differences
from infra.replay.recorded_log import FactDifference
from infra.replay.roles import PLACES
from infra.replay.schedule import ReplayDifference


def paired(found: Sequence[ReplayDifference]) -> list[ReplayDifference]:
    """Return the differences of a stretch with a fact that came out later, or otherwise, as one difference.

    The first one is the first that tells something: that a request is not made now mostly follows from something else.
    """
    left = list(found)
    made: list[ReplayDifference] = []
    while left:
        first = left.pop(0)
        other = _other_side(first, left)
        if other is not None:
            left.remove(other)
            first = _joined(first, other)
        made.append(first)
    return sorted(made, key=lambda each: each.what.change == "not asked now")


def _other_side(missing: ReplayDifference, later: Sequence[ReplayDifference]) -> ReplayDifference | None:
    """Return the later difference that is what the missing fact has become, if there is one."""
    what = missing.what
    if not isinstance(what, FactDifference) or what.change != "not appended now" or what.then is None:
        return None
    wanted = _place(what.then.event)
    for each in later:
        now = each.what.now if isinstance(each.what, FactDifference) else None
        if now is not None and each.what.change == "not appended then" and _place(now) == wanted:
            return each
    return None


def _place(event: Event) -> tuple[object, ...]:
    return (type(event), event.turn_id, *(getattr(event, name, None) for name in PLACES))


def _joined(missing: ReplayDifference, later: ReplayDifference) -> ReplayDifference:
    assert isinstance(missing.what, FactDifference)
    assert isinstance(later.what, FactDifference)
    then, now = missing.what.then, later.what.now
    assert then is not None
    assert now is not None
    fields = field_differences(then.event, now)
    what = FactDifference("differs" if fields else "appended later", then, now, fields)
    return replace(missing, what=what, places=later.places)
