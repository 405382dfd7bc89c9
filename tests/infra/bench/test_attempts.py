"""A part of a measurement that fails costs itself alone."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.bench import log_rate
from infra.bench.attempts import NotMeasured, attempt
from infra.bench.gap import CallPlan, measure
from infra.bench.log_rate import LogRateRun
from infra.caller import CallResult, Sound
from infra.cli.app import app
from infra.cli.json_output import OUTPUTS


def test_what_follows_a_part_that_failed_is_measured() -> None:
    not_measured: list[NotMeasured] = []
    told: list[str] = []
    measured: list[int] = []
    for part in range(3):
        with attempt(f"part {part}", not_measured, told.append):
            measured.append(10 // (part - 1))
    assert measured == [-10, 10]
    assert not_measured == [NotMeasured("part 1", "ZeroDivisionError: integer division or modulo by zero")]
    assert told == ["part 1 was not measured: ZeroDivisionError: integer division or modulo by zero"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), asyncio.CancelledError()])
def test_whoever_ends_a_measurement_ends_all_of_it(error: BaseException) -> None:
    with pytest.raises(type(error)), attempt("part", [], print):
        raise error


async def _log_rate(folder: Path, servers: int, partitions: int, writers: int, seconds: float) -> LogRateRun:
    if partitions == 4:
        raise TimeoutError
    return LogRateRun(servers, partitions, writers, seconds, 10, 10, 1.0, 2.0, 575, 0.5, 0.5)


def test_an_arrangement_of_the_log_that_fails_is_named_after_the_figures_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_rate, "measure_log_rate", _log_rate)
    result = CliRunner().invoke(app, ["bench", "log", "--servers", "1"])
    assert result.exit_code == 1
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == [
        "1 server, 1 partition",
        "1 server, 8 partitions",
    ]
    assert "1 server, 4 partitions was not measured: TimeoutError" in result.stderr
    assert result.stderr.splitlines()[-1] == "error: not measured: 1 server, 4 partitions"


def test_json_has_what_was_measured_and_what_was_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_rate, "measure_log_rate", _log_rate)
    result = CliRunner().invoke(app, ["bench", "log", "--servers", "3", "--json"])
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    OUTPUTS["bench log"].model().model_validate(told)
    assert [run["partitions"] for run in told["runs"]] == [1, 8]
    assert told["not_measured"] == [{"part": "3 servers, 4 partitions", "reason": "TimeoutError"}]


async def test_a_call_that_fails_in_any_way_does_not_end_the_others() -> None:
    import numpy as np

    calls = 0

    async def dial(*_: object, **__: object) -> CallResult:
        nonlocal calls
        calls += 1
        raise ConnectionResetError("the door has gone")

    plans = [CallPlan(name, Sound(np.zeros(160, np.int16), 16_000), 1, "") for name in ("a.wav", "b.wav")]
    found = await measure(dial, plans, lambda _: None)
    assert calls == 2
    assert [call.problem for call in found] == ["ConnectionResetError: the door has gone"] * 2
