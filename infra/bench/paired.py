"""The same calls at two doors, alternating: what the second adds to the gap."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from infra.bench.gap import CallFigures, CallPlan, groups, measure_one
from infra.bench.statistics import median, percentile
from infra.caller.talk import Dial

Pair = tuple[CallFigures, CallFigures]
Report = Callable[[CallFigures], None]


@dataclass(frozen=True, slots=True)
class AddedFigures:
    """What the second door adds (ms): to the median gap, and call by call over the calls both doors answered."""

    pairs: int
    answered_at_both: int
    first_median_ms: float
    second_median_ms: float
    added_to_median_ms: float
    added_p50_ms: float
    added_p95_ms: float


async def measure_pairs(
    first: Dial, second: Dial, plans: Sequence[CallPlan], report_first: Report, report_second: Report, rest_s: float
) -> list[Pair]:
    """Place each call at both doors, one right after the other, alternating which comes first."""
    pairs: list[Pair] = []
    for number, plan in enumerate(plans):
        made: list[CallFigures] = []
        order = ((first, report_first), (second, report_second))
        for dial, report in order if number % 2 == 0 else order[::-1]:
            await asyncio.sleep(rest_s if pairs or made else 0)
            made.append(await measure_one(dial, plan))
            report(made[-1])
        pairs.append((made[0], made[1]) if number % 2 == 0 else (made[1], made[0]))
    return pairs


def added(pairs: Sequence[Pair]) -> AddedFigures:
    """Work out what the second door adds."""
    both = [(one.gap_ms, two.gap_ms) for one, two in pairs if one.gap_ms is not None and two.gap_ms is not None]
    differences = [two - one for one, two in both]
    first_ms, second_ms = median([one for one, _ in both]), median([two for _, two in both])
    return AddedFigures(
        pairs=len(pairs),
        answered_at_both=len(both),
        first_median_ms=round(first_ms, 1),
        second_median_ms=round(second_ms, 1),
        added_to_median_ms=round(second_ms - first_ms, 1),
        added_p50_ms=round(median(differences), 1),
        added_p95_ms=round(percentile(differences, 0.95), 1),
    )


def as_json_text(pairs: Sequence[Pair]) -> str:
    """Return everything as one JSON object."""
    doors = {}
    for name, calls in (("websocket", [one for one, _ in pairs]), ("livekit", [two for _, two in pairs])):
        summary = {group: asdict(figures) for group, figures in groups(calls).items()}
        doors[name] = {"groups": summary, "calls": [asdict(call) for call in calls]}
    return json.dumps({"added": asdict(added(pairs)), "doors": doors}, indent=2)
