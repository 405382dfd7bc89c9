"""Instruments: nothing is recorded outside of a block, and what tells series apart is bounded."""

import pytest

from infra.metrics import table as t
from infra.metrics.metric import MOST_VALUES, OTHER
from tests.infra.metrics.measured import read_metrics


def test_nothing_is_recorded_where_nothing_reads() -> None:
    t.TURNS.add(1, "http", "answered")
    with read_metrics() as read:
        assert read.of(t.TURNS) == 0
        t.TURNS.add(1, "http", "answered")
        assert read.of(t.TURNS, door="http", outcome="answered") == 1
    t.TURNS.add(1, "http", "answered")
    with read_metrics() as read:
        assert read.of(t.TURNS) == 0


def test_a_value_that_is_not_declared_becomes_other() -> None:
    with read_metrics() as read:
        t.TURNS.add(1, "carrier-pigeon", "answered")
        assert read.series()[t.TURNS.name] == {(("door", OTHER), ("outcome", "answered")): 1}


def test_of_an_open_attribute_the_first_values_are_kept_apart() -> None:
    with read_metrics() as read:
        for number in range(3 * MOST_VALUES):
            t.TOOL_CALLS.add(1, f"tool-{number}", "ok")
        assert len(read.series()[t.TOOL_CALLS.name]) == MOST_VALUES + 1
        assert read.of(t.TOOL_CALLS, **{"gen_ai.tool.name": OTHER}) == 2 * MOST_VALUES


def test_an_empty_value_leaves_the_attribute_out() -> None:
    with read_metrics() as read:
        t.GAP.record(0.3, "")
        assert read.series()[t.GAP.name] == {(): 1}


def test_values_are_given_for_all_attributes() -> None:
    with read_metrics(), pytest.raises(ValueError, match="zip"):
        t.TURNS.add(1, "http")


def test_an_observed_metric_is_looked_at_while_its_block_lasts() -> None:
    with read_metrics() as read:
        with t.LAG.observed_by(lambda: [(1.5, ("reasoning",)), (2.5, ("synthesis",))]):
            assert read.of(t.LAG) == 4.0
            assert read.of(t.LAG, durable="synthesis") == 2.5
        assert read.of(t.LAG) == 0
