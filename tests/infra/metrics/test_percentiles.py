"""Percentiles of buckets: within the bucket that has the true one, whatever was measured."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.metrics.percentiles import quantile, summed, total
from infra.metrics.table import GAP_S

BOUNDS = (*GAP_S, math.inf)
values_s = st.lists(st.floats(0, 10), min_size=1, max_size=60)
shares = st.floats(0, 1)


def counted(values: list[float]) -> dict[float, float]:
    return {bound: float(sum(value <= bound for value in values)) for bound in BOUNDS}


@given(values_s, shares)
def test_a_percentile_is_in_the_bucket_of_the_true_one(values: list[float], share: float) -> None:
    true = sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
    upper = next(bound for bound in BOUNDS if true <= bound)
    lower = max((bound for bound in BOUNDS if bound < upper), default=0.0)
    found = quantile(share, counted(values))
    assert found is not None
    assert lower <= found <= upper


@given(values_s, shares, shares)
def test_a_larger_share_has_no_smaller_percentile(values: list[float], one: float, other: float) -> None:
    low, high = (quantile(share, counted(values)) for share in sorted((one, other)))
    assert low is not None
    assert high is not None
    assert low <= high


@given(values_s, values_s, shares)
def test_the_percentile_of_two_processes_lies_between_theirs(
    one: list[float], other: list[float], share: float
) -> None:
    together = summed([counted(one), counted(other)])
    assert total(together) == len(one) + len(other)
    apart = [quantile(share, counted(values)) or 0.0 for values in (one, other)]
    found = quantile(share, together)
    assert found is not None
    assert min(apart) - 1e-9 <= found <= max(apart) + 1e-9


def test_it_is_what_prometheus_says() -> None:
    # histogram_quantile(0.5, …) of 4 values in (0.1, 0.2], 4 in (0.2, 0.4]: exactly at the border
    buckets = {0.1: 0.0, 0.2: 4.0, 0.4: 8.0, math.inf: 8.0}
    assert quantile(0.5, buckets) == pytest.approx(0.2)
    assert quantile(0.75, buckets) == pytest.approx(0.3)


def test_what_is_above_all_bounds_is_reported_as_the_last() -> None:
    assert quantile(0.99, {0.1: 0.0, 10.0: 0.0, math.inf: 3.0}) == 10.0


def test_without_values_there_is_no_percentile() -> None:
    assert quantile(0.5, {}) is None
    assert quantile(0.5, counted([])) is None


@pytest.mark.parametrize("share", [-0.1, 1.1, 95])
def test_a_share_is_between_0_and_1(share: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile(share, {})
