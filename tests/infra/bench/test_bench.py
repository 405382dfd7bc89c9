import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from infra.bench.bus import measure_bus
from infra.bench.gap import CallFigures, CallPlan, as_json_text, figures_of, groups, measure, read_manifest
from infra.bench.idle import measure_idle
from infra.bench.json_list import BadList
from infra.bench.statistics import median, percentile, plain_words, word_error_rate
from infra.caller import CallResult, MeasuredTurn, PlayedReply, Sound, place_call, write_wav
from infra.caller.result import SaidUtterance
from infra.cli.gap_shown import far_end
from tests.infra.caller.fake_door import fake_door
from tests.servers import NatsServer

pytestmark = pytest.mark.slow


def a_sound(seconds: float = 0.3) -> Sound:
    return Sound((6000 * np.sin(np.arange(round(seconds * 16_000)) * 0.2)).astype(np.int16), 16_000)


PLAN = CallPlan("a.wav", a_sound(), 4800, "hello there")


def result_with(*starts_s: float, gap_ms: float = 700) -> CallResult:
    result = CallResult("s-1", 24_000, said=[SaidUtterance(0.3, 1.3, 1.5)])
    result.replies = [PlayedReply(f"r{n}", f"t{n}", at_s, 100, False) for n, at_s in enumerate(starts_s)]
    parts = {"endpointing_ms": 400.0, "bus_ms": 10.0}
    result.turns = [MeasuredTurn("t0", "Hello there.", "r0", log_gap_ms=410, parts=parts, gap_ms=gap_ms)]
    return result


def test_the_parts_of_a_call_sum_to_its_measured_gap() -> None:
    figures = figures_of(PLAN, result_with(2.0))
    assert figures.gap_ms == 700
    assert sum(figures.parts.values()) == pytest.approx(700)
    assert figures.parts["edges_ms"] == 290
    assert not figures.early


def test_an_answer_before_the_end_of_speech_is_early() -> None:
    assert figures_of(PLAN, result_with(1.2, 2.0)).early


def test_a_greeting_is_no_early_answer() -> None:
    figures = figures_of(PLAN, result_with(0.1, 2.0))
    assert (figures.early, figures.false_starts) == (False, 0)


def test_openers_are_counted_apart_from_the_answer() -> None:
    result = result_with(0.1, 1.1, 1.6, 2.0)
    for name, reply_id in (("OpenerPlayed", "r1"), ("OpenerPlayed", "r2")):
        result.facts.append({"name": name, "data": {"reply_id": reply_id, "ended_ns": 1_250_000_000}})
    result.facts.append({"name": "OpenerRetracted", "data": {"reply_id": "r1", "went_on_ns": 1_150_000_000}})
    figures = figures_of(PLAN, result)
    assert (figures.early, figures.false_starts, figures.silenced_ms) == (False, 1, (100.0,))
    assert (figures.gap_ms, figures.sound_ms) == (700, 300)


def test_an_opener_that_had_ended_as_the_caller_went_on_is_a_false_start_that_was_not_silenced() -> None:
    result = result_with(0.1, 0.8, 2.0)
    played = {"reply_id": "r1", "ended_ns": 1_100_000_000}
    result.facts += [
        {"name": "OpenerPlayed", "data": played},
        {"name": "OpenerRetracted", "data": {"reply_id": "r1", "went_on_ns": 1_150_000_000}},
    ]
    figures = figures_of(PLAN, result)
    assert (figures.early, figures.false_starts, figures.silenced_ms) == (False, 1, ())


def test_both_groups_are_reported_together() -> None:
    calls = [
        CallFigures("a", False, "hello there", "Hello there.", gap_ms=500),
        CallFigures("b", False, "one two", "one too", gap_ms=700),
        CallFigures("c", True, "so it is", "so it is", gap_ms=900, early=True),
        CallFigures("d", True, "and so on", "", problem="no answer was heard"),
    ]
    found = groups(calls)
    assert list(found) == ["plain", "with pause", "all"]
    assert (found["plain"].median_ms, found["plain"].max_ms, found["plain"].word_error_rate) == (600, 700, 0.25)
    assert (found["with pause"].early, found["with pause"].failed) == (1, 1)
    assert list(groups(calls[:2])) == ["plain"]


async def test_calls_of_a_manifest_are_placed_and_measured(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", a_sound())
    entries = [{"wav": "a.wav", "end_of_speech_sample": 4800, "text": "Hello there"}]
    (tmp_path / "manifest.json").write_text(json.dumps(entries))
    told: list[CallFigures] = []
    async with fake_door() as door:
        await measure(partial(place_call, door.url), read_manifest(tmp_path), told.append)
    assert told[0].problem == ""
    summary = json.loads(as_json_text(told))["groups"]["plain"]
    assert summary["calls"] == 1
    assert summary["word_error_rate"] == 0
    assert summary["median_ms"] > 0


async def test_a_call_that_fails_does_not_end_the_benchmark() -> None:
    told: list[CallFigures] = []
    await measure(partial(place_call, "ws://127.0.0.1:9/ws"), [PLAN, PLAN], told.append)
    assert [bool(call.problem) for call in told] == [True, True]
    assert groups(told)["plain"].failed == 2


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        ("", r"manifest\.json is no JSON"),
        ("{}", "a list of calls"),
        ('[{"wav": "a.wav"}]', "entry 0 has no 'end_of_speech_sample'"),
        ('[{"wav": "none.wav", "end_of_speech_sample": 1}]', "cannot be read"),
        ('[{"wav": "a.wav", "end_of_speech_sample": 999999}]', "lies outside"),
        ('[{"wav": "a.wav", "end_of_speech_sample": Infinity}]', "entry 0 cannot be used"),
        ("[3]", "entry 0 is no JSON object"),
        ("[" * 60_000, "is no JSON"),
    ],
)
def test_a_manifest_that_cannot_be_used_says_why(tmp_path: Path, manifest: str, why: str) -> None:
    write_wav(tmp_path / "a.wav", a_sound())
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(BadList, match=why):
        read_manifest(tmp_path)


async def test_the_log_s_cost_is_measured_over_whole_turns(nats_server: NatsServer) -> None:
    figures = await measure_bus(turns=20, events=100)
    assert 0 < figures.p50_ms <= figures.p95_ms <= figures.max_ms
    assert set(figures.hops_p50_ms) == {"TurnEnded", "ReplyStarted", "ReplyClauseWritten", "ClauseSynthesized"}
    assert figures.events_per_s > 0


async def test_idling_is_measured_per_process(tmp_path: Path) -> None:
    import os

    (tmp_path / "run").mkdir()
    noted = {"ready_s": 7.5, "pids": {"supervisor": os.getpid(), "gone": 2**22 - 7}}
    (tmp_path / "run" / "processes.json").write_text(json.dumps(noted))
    figures = await measure_idle(tmp_path, 0.1)
    assert figures.ready_s == 7.5
    assert figures.processes[0].pss_mb > 10
    assert figures.processes[1].pss_mb == 0


def test_percentiles_lie_between_neighbours() -> None:
    assert median([3, 1, 2]) == 2
    assert percentile([0, 10], 0.95) == 9.5
    assert percentile([], 0.5) == 0


def test_words_are_compared_as_they_sound() -> None:
    assert plain_words("Well, it\u2019s TWENTY-one.") == "well it's twenty one"
    assert plain_words("Good-bye, to-night!") == "goodbye tonight"
    assert word_error_rate(["Hello, world!"], ["hello world"]) == 0
    assert word_error_rate([""], ["anything"]) is None


def test_an_end_of_speech_that_lies_elsewhere_is_told() -> None:
    call = CallFigures("a.wav", False, "Hello there", "Hello there", parts={"edges_ms": 1349.0})
    assert "lies 1349 ms before the one that was heard" in far_end(call)
    assert "lies 1349 ms after" in far_end(replace(call, parts={"edges_ms": -1349.0}))
    assert far_end(replace(call, parts={"edges_ms": 73.0})) == far_end(replace(call, parts={})) == ""
