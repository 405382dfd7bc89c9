"""The first call after a start against the later ones. Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from infra.bench.attempts import NotMeasured
from infra.bench.gap import CallFigures, CallPlan, summarise
from infra.bench.statistics import median


@dataclass(frozen=True, slots=True)
class FirstCalls:
    """Gaps in ms of the first calls after several starts, and of those that followed."""

    starts: int
    failed: int
    """Calls without an answer, first or later."""
    early: int
    """Calls that were answered before the caller had finished."""
    first_ms: list[float]
    """Of each start."""
    first_median_ms: float
    later_median_ms: float
    later_range_ms: tuple[float, float]
    added_ms: float
    """By how much the median of the first calls is longer."""
    parts_added_ms: dict[str, float]
    """The same for each part of the gap."""


def plans_of_start(plans: Sequence[CallPlan], start: int, calls: int) -> list[CallPlan]:
    """Return the calls after one of several starts: they go on in the list, so each start begins at another."""
    return [plans[(start * calls + number) % len(plans)] for number in range(calls)]


def first_calls(starts: Sequence[Sequence[CallFigures]]) -> FirstCalls:
    """Compare the first call of each start with the later ones of all."""
    first = [calls[0] for calls in starts if calls]
    later = [call for calls in starts for call in calls[1:]]
    every = [*first, *later]
    first_ms = [call.gap_ms for call in first if call.gap_ms is not None]
    later_ms = [call.gap_ms for call in later if call.gap_ms is not None]
    before, after = summarise(later).parts_median_ms, summarise(first).parts_median_ms
    return FirstCalls(
        starts=len(starts),
        failed=sum(bool(call.problem) for call in every),
        early=sum(call.early for call in every),
        first_ms=first_ms,
        first_median_ms=round(median(first_ms), 1),
        later_median_ms=round(median(later_ms), 1),
        later_range_ms=(min(later_ms, default=0.0), max(later_ms, default=0.0)),
        added_ms=round(median(first_ms) - median(later_ms), 1),
        parts_added_ms={part: round(ms - before[part], 1) for part, ms in after.items()},
    )


def as_plain(starts: Sequence[Sequence[CallFigures]], not_measured: Sequence[NotMeasured] = ()) -> dict[str, Any]:
    """Return everything as plain data."""
    return {
        "figures": asdict(first_calls(starts)),
        "starts": [[asdict(call) for call in calls] for calls in starts],
        "not_measured": [asdict(each) for each in not_measured],
    }
