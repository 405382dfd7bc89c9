"""What `daredevil bench tools` counts, and that a short run of it is clean."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from infra.bench.order_ledger import OrderLedger
from infra.bench.tools import Amounts, ToolFigures, measure_tools, own_times, tool_of


def test_a_booking_takes_effect_once_for_a_key_and_a_charge_each_time(tmp_path: Path) -> None:
    ledger = OrderLedger(tmp_path / "ledger")
    for key in ("a", "a", "b"):
        ledger.book("k1", key)
    ledger.book("k3", "c")
    ledger.charge("k2", "d")
    ledger.charge("k2", "d")
    assert ledger.effects() == {"k1": 2, "k2": 2, "k3": 1}
    assert ledger.runs() == {"k1": 3, "k2": 2, "k3": 1}
    assert (tool_of("k1"), tool_of("k2")) == ("book", "charge")


def test_own_time_is_from_the_call_to_the_question_with_its_result() -> None:
    ms = 1_000_000
    times = [(0, 1 * ms, False), (6 * ms, 7 * ms, True), (90 * ms, 91 * ms, False), (93 * ms, 94 * ms, True)]
    assert own_times(times) == [5.0, 2.0]


def test_figures_are_good_only_if_nothing_ran_twice_or_is_lost() -> None:
    clean = ToolFigures(1, 0, 0, unknown=1, again=0, own_ms_p50=1, own_ms_p95=1, seconds=1)
    assert clean.is_good
    assert not replace(clean, lost=["k1"]).is_good
    assert not replace(clean, run_twice=["k1"]).is_good


@pytest.mark.nightly
async def test_a_short_run_finds_nothing_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAREDEVIL_NATS_URL", "")
    figures = await measure_tools(tmp_path, dict(os.environ), Amounts(12, 2, 4), lambda line: None)
    assert figures.is_good
