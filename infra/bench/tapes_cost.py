"""What recording tapes costs: the same calls at two systems, one with tapes and one without, alternating."""

from collections.abc import Sequence
from dataclasses import dataclass

from infra.bench.gap import CallFigures
from infra.bench.paired import Pair
from infra.bench.statistics import median, percentile


@dataclass(frozen=True, slots=True)
class TapesCost:
    """Gaps in ms, without tapes and with; call by call, what tapes add: median, quartiles, and the extremes."""

    pairs: int
    answered_by_both: int
    without_median_ms: float
    with_median_ms: float
    added_median_ms: float
    added_quartiles_ms: tuple[float, float]
    added_range_ms: tuple[float, float]

    def lines(self) -> list[str]:
        """Return the figures as text."""
        lower, upper = self.added_quartiles_ms
        least, most = self.added_range_ms
        return [
            f"{self.answered_by_both} of {self.pairs} pairs answered by both; gap median without tapes "
            f"{self.without_median_ms:.1f} ms, with {self.with_median_ms:.1f} ms",
            f"tapes add call by call: median {self.added_median_ms:+.1f} ms, quartiles {lower:+.1f} to {upper:+.1f}, "
            f"all {least:+.1f} to {most:+.1f} ms",
        ]


def tapes_cost(pairs: Sequence[Pair]) -> TapesCost:
    """Work out what tapes add, of pairs (without tapes, with tapes)."""
    both = [(one.gap_ms, two.gap_ms) for one, two in pairs if one.gap_ms is not None and two.gap_ms is not None]
    added = [two - one for one, two in both]
    return TapesCost(
        pairs=len(pairs),
        answered_by_both=len(both),
        without_median_ms=round(median([one for one, _ in both]), 1),
        with_median_ms=round(median([two for _, two in both]), 1),
        added_median_ms=round(median(added), 1),
        added_quartiles_ms=(round(percentile(added, 0.25), 1), round(percentile(added, 0.75), 1)),
        added_range_ms=(round(min(added, default=0), 1), round(max(added, default=0), 1)),
    )


def sessions_with_tapes(pairs: Sequence[Pair]) -> list[str]:
    """Return the sessions of the calls with tapes."""
    recorded: list[CallFigures] = [two for _, two in pairs]
    return [call.session_id for call in recorded if call.session_id]
