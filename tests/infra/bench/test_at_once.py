from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from functools import partial

import numpy as np
import pytest

from infra.bench.at_once import (
    largest,
    measure_at_once,
    measure_stages,
    saturated,
    stage_of,
    start_s,
    turns_of_caller,
)
from infra.bench.attempts import NotMeasured
from infra.bench.gap import CallFigures, CallPlan
from infra.bench.machine_use import MachineUse
from infra.caller import Sound, place_call
from infra.cli.json_output import OUTPUTS
from tests.infra.caller.fake_door import fake_door


def a_plan(name: str, seconds: float = 0.3) -> CallPlan:
    samples = round(seconds * 16_000)
    sound = Sound((6000 * np.sin(np.arange(samples) * 0.2)).astype(np.int16), 16_000)
    return CallPlan(name, sound, samples, "hello there")


def a_call(gap_ms: float, **parts: float) -> CallFigures:
    return CallFigures("a.wav", False, "hello", "hello", gap_ms=gap_ms, parts=parts)


def test_each_caller_goes_through_all_calls_and_begins_at_another() -> None:
    plans = [a_plan(name) for name in "abcd"]
    orders = [[plan.wav for plan in turns_of_caller(plans, caller, 4)] for caller in range(4)]
    assert [order[0] for order in orders] == list("abcd")
    assert all(sorted(order) == list("abcd") for order in orders)


def test_callers_begin_spread_over_the_length_of_an_utterance() -> None:
    plans = [a_plan("a", 1.0), a_plan("b", 3.0)]
    assert [start_s(plans, caller, 4) for caller in range(4)] == pytest.approx([0, 0.5, 1.0, 1.5])


def test_more_callers_than_calls_begin_at_the_same_call_at_different_times() -> None:
    plans = [a_plan("a"), a_plan("b")]
    assert [turns_of_caller(plans, caller, 4)[0].wav for caller in range(4)] == ["a", "a", "b", "b"]


def test_parts_are_compared_with_one_call_at_a_time() -> None:
    alone = stage_of(1, [a_call(500, endpointing_ms=400, stt_ms=100)], MachineUse(), None)
    two = stage_of(2, [a_call(700, endpointing_ms=400, stt_ms=300)], MachineUse(), alone)
    assert alone.grown_ms == {}
    assert (two.grown_ms["stt_ms"], two.grown_ms["endpointing_ms"]) == (200, 0)


def test_what_has_no_more_to_give_is_named() -> None:
    assert saturated(MachineUse(machine_cores=2, cores={"llm": 0.5}, callers_cores=0.1)) == []
    use = MachineUse(
        machine_cores=2,
        cores={"llm": 0.9, "transcript": 0.8},
        others_cores=0.15,
        waited=0.4,
        recognition_waited_s=1.2,
        model_waiting=3,
    )
    cpu, moments, speech, model = saturated(use)
    assert cpu == "the CPU: 1.85 of 2 cores were busy, 0.15 of them with other programs"
    assert "40%" in moments
    assert "1.2 s" in speech
    assert "3 requests" in model
    assert largest(use)[0] == ("llm", 0.9)


def test_a_model_that_does_not_say_what_waits_is_not_saturated() -> None:
    assert saturated(MachineUse(machine_cores=2, model_waiting=None)) == []


@pytest.mark.slow
async def test_calls_at_once_are_placed_after_one_at_a_time() -> None:
    plans = [a_plan("a"), a_plan("b")]
    uses: list[MachineUse] = []

    @asynccontextmanager
    async def measured() -> AsyncIterator[MachineUse]:
        uses.append(MachineUse())
        yield uses[-1]

    told: list[CallFigures] = []
    async with fake_door() as door:
        done = await measure_stages(partial(place_call, door.url), plans, [2], told.append, 0, measured, print)
    stages = done.stages
    assert [stage.at_once for stage in stages] == [1, 2]
    assert [stage.groups["plain"].calls for stage in stages] == [2, 4]
    assert len(done.calls) == len(told) == 6
    assert [stage.use for stage in stages] == uses
    OUTPUTS["bench gap at once"].model().model_validate(asdict(done))


@pytest.mark.slow
async def test_a_stage_that_fails_does_not_lose_the_others() -> None:
    measured_before: list[MachineUse] = []

    @asynccontextmanager
    async def measured() -> AsyncIterator[MachineUse]:
        measured_before.append(MachineUse())
        yield measured_before[-1]
        if len(measured_before) == 2:
            raise ProcessLookupError("the system has gone")

    told: list[str] = []
    async with fake_door() as door:
        place = partial(place_call, door.url)
        done = await measure_stages(place, [a_plan("a")], [2, 3], lambda _: None, 0, measured, told.append)
    assert [stage.at_once for stage in done.stages] == [1, 3]
    assert done.not_measured == [NotMeasured("2 callers at once", "ProcessLookupError: the system has gone")]
    assert len(done.calls) == 1 + 2 + 3
    assert told == ["2 callers at once was not measured: ProcessLookupError: the system has gone"]
    OUTPUTS["bench gap at once"].model().model_validate(asdict(done))


@pytest.mark.slow
async def test_a_caller_whose_calls_fail_does_not_end_the_others() -> None:
    told: list[CallFigures] = []
    found = await measure_at_once(partial(place_call, "ws://127.0.0.1:9/ws"), [a_plan("a")], 3, told.append, 0)
    assert [bool(call.problem) for call in found] == [True, True, True]
