"""Percentiles from the buckets of a histogram, as Prometheus's `histogram_quantile` estimates them. Pure."""

import math
from collections.abc import Iterable, Mapping

Buckets = Mapping[float, float]
"""How many values are at most as large as each upper bound, the last of which is infinite."""


def total(buckets: Buckets) -> float:
    """Return how many values there are."""
    return max(buckets.values(), default=0.0)


def quantile(q: float, buckets: Buckets) -> float | None:
    """Return the value below which the share `q` of all values is, None without any.

    Within a bucket values are taken to lie evenly. What is above the last finite bound is reported as that bound.
    Raises ValueError for a share that is not between 0 and 1.
    """
    if not 0 <= q <= 1:
        raise ValueError(f"{q} is not a share between 0 and 1")
    rank = q * total(buckets)
    below_bound, below = 0.0, 0.0
    if not total(buckets):
        return None
    for bound, count in sorted(buckets.items()):
        if count >= rank and count > below:
            if math.isinf(bound):
                return below_bound
            return below_bound + (bound - below_bound) * max(0.0, rank - below) / (count - below)
        below_bound, below = bound if not math.isinf(bound) else below_bound, max(below, count)
    return below_bound


def summed(several: Iterable[Buckets]) -> dict[float, float]:
    """Return one histogram for several with the same bounds."""
    together: dict[float, float] = {}
    for buckets in several:
        for bound, count in buckets.items():
            together[bound] = together.get(bound, 0.0) + count
    return together
