"""The figures of a system, as they are read from its processes: summed, compared, and never counted twice."""

import math

import pytest

from infra.metrics import table as t
from infra.metrics.figures import ConsumerFigures, EngineFigures, Figures, ProcessUse, figures
from infra.metrics.metric import AnyMetric
from infra.metrics.percentiles import quantile
from infra.metrics.samples import Reading, Series, name_of, parsed
from infra.process.exposition import exposition
from infra.settings import Settings
from infra.telemetry.metrics import measured

ONE, OTHER = "127.0.0.1:1", "127.0.0.1:2"


def series(address: str, metric: AnyMetric, value: float, suffix: str = "", **labels: str) -> dict[Series, float]:
    return {(address, name_of(metric) + suffix, frozenset(labels.items())): value}


def histogram(address: str, metric: AnyMetric, below: dict[str, float], **labels: str) -> dict[Series, float]:
    """Return the series of a histogram, given how many values each bound has."""
    found: dict[Series, float] = {}
    for bound, count in below.items():
        found |= series(address, metric, count, "_bucket", le=bound, **labels)
    return found


def reading(time_s: float, *parts: dict[Series, float], unreachable: dict[str, str] | None = None) -> Reading:
    values = {key: value for part in parts for key, value in part.items()}
    processes = {ONE: "persistence", OTHER: "bridge"}
    return Reading(time_s, values, processes, unreachable or {})


def test_sessions_are_summed_over_doors_and_processes() -> None:
    seen = figures(
        reading(
            0,
            series(ONE, t.OPEN, 2, door="websocket"),
            series(OTHER, t.OPEN, 1, door="websocket"),
            series(OTHER, t.OPEN, 3, door="http"),
        )
    )
    assert seen.sessions == {"websocket": 3, "http": 3}
    assert seen.open_sessions == 6


def test_what_several_copies_measure_alike_counts_once() -> None:
    both = [
        part
        for address, pending in ((ONE, 4.0), (OTHER, 5.0))
        for part in (
            series(address, t.PENDING, pending, durable="reasoning"),
            series(address, t.LAG, pending / 2, durable="reasoning"),
            series(address, t.DEAD_LETTERS, 3, durable="synthesis"),
            series(address, t.DISK_FREE, 7e9),
        )
    ]
    seen = figures(reading(0, *both))
    assert seen.consumers == (ConsumerFigures("reasoning", 5, 0, 2.5),)
    assert seen.dead_letters == 3
    assert seen.disk_free_bytes == 7_000_000_000


def test_dead_letters_that_nobody_counts_are_unknown_rather_than_none() -> None:
    assert figures(reading(0)).dead_letters is None
    assert figures(reading(0, series(ONE, t.DEAD_LETTERS, 0, durable="synthesis"))).dead_letters == 0


def test_percentiles_are_those_of_all_processes_and_doors_together() -> None:
    fast, slow = {"0.3": 8.0, "0.4": 8.0, "+Inf": 8.0}, {"0.3": 0.0, "0.4": 2.0, "+Inf": 2.0}
    seen = figures(
        reading(0, histogram(ONE, t.GAP, fast, door="http"), histogram(OTHER, t.GAP, slow, door="websocket"))
    )
    assert seen.gap.count == 10
    expected = quantile(0.95, {0.3: 8.0, 0.4: 10.0, math.inf: 10.0})
    assert expected is not None
    assert seen.gap.p95_ms == pytest.approx(1000 * expected)


def test_what_is_counted_is_counted_since_the_reading_before() -> None:
    def at(time_s: float, turns: float, seconds: float) -> Reading:
        return reading(
            time_s,
            series(ONE, t.TURNS, turns, door="http", outcome="answered"),
            series(ONE, t.CPU_TIME, seconds, cpu_mode="user"),
            series(ONE, t.MEMORY, 1e8),
        )

    seen = figures(at(60, 30, 12.0), at(30, 20, 9.0))
    assert (seen.window_s, seen.turns, seen.turns_per_minute) == (30, {"answered": 10}, 20)
    (_, process) = seen.processes
    assert process == ProcessUse("persistence", ONE, None, 3.0 / 30, 100_000_000, None)


def test_a_process_that_began_again_has_counted_from_zero() -> None:
    def at(turns: float) -> Reading:
        return reading(turns, series(ONE, t.TURNS, turns, outcome="answered"))

    assert figures(at(4), at(100)).turns == {"answered": 4}


def test_alone_a_reading_says_what_was_since_the_processes_began() -> None:
    parts = series(ONE, t.CPU_TIME, 6.0, cpu_mode="user") | series(ONE, t.CPU_TIME, 2.0, cpu_mode="system")
    seen = figures(reading(0, parts, series(ONE, t.UPTIME, 40.0)))
    assert seen.turns_per_minute is None
    assert seen.processes[1].cpu_cores == pytest.approx(0.2)


def test_engines_are_in_the_order_of_a_turn() -> None:
    seen = figures(
        reading(
            0,
            histogram(ONE, t.ENGINE_TIME, {"0.1": 1.0, "+Inf": 1.0}, stage="tts", engine="piper"),
            histogram(ONE, t.ENGINE_TIME, {"0.1": 1.0, "+Inf": 1.0}, stage="stt", engine="moonshine"),
            series(ONE, t.ENGINE_ERRORS, 2, stage="llm", engine="openai:gpt"),
        )
    )
    assert [(each.stage, each.engine, each.errors) for each in seen.engines] == [
        ("stt", "moonshine", 0),
        ("llm", "openai:gpt", 2),
        ("tts", "piper", 0),
    ]
    assert isinstance(seen.engines[0], EngineFigures)


def test_a_process_that_does_not_answer_is_not_ready() -> None:
    seen = figures(reading(0, series(ONE, t.READY, 1), unreachable={"127.0.0.1:3": "reasoning"}))
    assert {process.name: process.ready for process in seen.processes} == {
        "persistence": True,
        "bridge": None,
        "reasoning": False,
    }


def test_nothing_measured_is_no_zero_gap() -> None:
    seen = figures(Reading(0))
    assert isinstance(seen, Figures)
    assert (seen.gap.p50_ms, seen.log_ready, seen.disk_free_bytes, seen.processes) == (None, None, None, ())


async def test_what_a_process_exposes_is_read() -> None:
    async with measured("bridge", Settings()):
        t.GAP.record(0.42, "websocket")
        with t.OPEN.observed_by(lambda: [(2, ("websocket",))]):
            text = exposition()[0].decode()
    seen = figures(Reading(0, parsed(ONE, text), {ONE: "bridge"}))
    assert seen.sessions == {"websocket": 2}
    assert seen.gap.count == 1
    assert seen.gap.p50_ms is not None
    assert 400 < seen.gap.p50_ms <= 500
    assert (seen.processes[0].memory_bytes or 0) > 10e6
