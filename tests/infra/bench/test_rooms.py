import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infra.bench.load import Load, Meter
from infra.bench.room_figures import RoomTurns, RunFigures, Sample, compare, figures_of, growth
from infra.bench.rooms import Pace, measure_rooms
from infra.caller import CallResult, PlayedReply, ScriptedUtterance, Sound, place_call
from infra.caller.result import MeasuredTurn, SaidUtterance
from tests.infra.caller.fake_door import fake_door


def a_run(rooms: int, p50_ms: float, p95_ms: float, cores: float, memory_mb: float) -> RunFigures:
    return figures_of(
        [RoomTurns(asked=2, gaps_ms=[p50_ms, p50_ms]) for _ in range(rooms)],
        [Sample(0, {"livekit": Load(memory_mb, 0)}, 0), Sample(10, {"livekit": Load(memory_mb, cores * 10)}, 5)],
    )


def test_a_turn_that_was_never_answered_is_missed() -> None:
    room = RoomTurns()
    result = CallResult("s-1", 24_000, said=[SaidUtterance(0, 1, 1), SaidUtterance(3, 4, 4)])
    # Two answers to the first, none to the second.
    result.replies = [PlayedReply(f"r{at_s}", "t", at_s, 100, False) for at_s in (1.5, 2.5)]
    room.add(result)
    figures = figures_of([room], [Sample(0, {}, 0), Sample(5, {}, 1)])
    assert (figures.asked, figures.missed, figures.gap_p50_ms) == (2, 1, 500)
    assert figures.callers_cores == 0.2


def test_what_further_rooms_cost_is_reported_against_one() -> None:
    figures = compare(a_run(1, 500, 500, 0.2, 100), a_run(11, 540, 540, 1.2, 600))
    assert (figures.added_p50_ms, figures.added_p95_ms) == (40, 40)
    assert figures.cores_per_room == pytest.approx(0.1)
    assert figures.rooms_per_core == 10
    assert figures.mb_per_room == (50, 50)
    assert figures.growth_mb_per_room_minute == 0


def test_gaps_are_reported_with_what_they_were_made_of() -> None:
    room = RoomTurns()
    for ms in (400.0, 500.0):
        room.add(CallResult("s-1", 24_000, turns=[MeasuredTurn("t", "Hello?", parts={"endpointing_ms": ms})]))
    figures = figures_of([room, RoomTurns()], [Sample(0, {}, 0), Sample(5, {}, 1)])
    assert figures.parts_p50_ms["endpointing_ms"] == pytest.approx(450)
    assert figures.parts_p95_ms["bus_ms"] == 0


def test_what_the_log_does_not_see_of_a_gap_is_reported_too() -> None:
    room = RoomTurns()
    turn = MeasuredTurn("t", "Hello?", log_gap_ms=400, parts={"endpointing_ms": 400.0}, gap_ms=600)
    room.add(CallResult("s-1", 24_000, turns=[turn]))
    figures = figures_of([room], [Sample(0, {}, 0), Sample(5, {}, 1)])
    assert sum(figures.parts_p50_ms.values()) == 600
    assert figures.parts_p50_ms["way_ms"] == 200


def test_gaps_while_rooms_come_up_are_told_apart() -> None:
    room = RoomTurns(settling_s=30)
    result = CallResult("s-1", 24_000, said=[SaidUtterance(0, 1, 1), SaidUtterance(9, 10, 10)])
    result.replies = [PlayedReply(f"r{at_s}", "t", at_s, 100, False) for at_s in (2.0, 10.5)]
    room.add(result, began_s=22)
    figures = figures_of([room], [Sample(0, {}, 0), Sample(5, {}, 1)])
    assert (figures.first_gap_p95_ms, figures.gap_p95_ms, figures.missed) == (1000, 500, 0)


def test_memory_that_only_rises_in_the_beginning_does_not_grow() -> None:
    times = [float(second) for second in range(0, 600, 5)]
    assert growth(times, [100 + at / 60 for at in times]) == pytest.approx(1, abs=0.05)
    assert growth([0, 5], [1, 2]) == 0

    def memory(at_s: float) -> dict[str, Load]:
        return {"nats": Load(100 if at_s < 120 else 300, 0), "livekit": Load(50 + at_s / 60, 0)}

    figures = figures_of([RoomTurns()], [Sample(at, memory(at), 0) for at in times])
    assert figures.growth_mb_per_minute == {"nats": 0, "livekit": pytest.approx(1, abs=0.05)}
    assert figures.settled_mb == pytest.approx(355, abs=1)


def test_a_run_in_which_buffers_still_fill_says_nothing_about_growth() -> None:
    samples = [Sample(at, {"nats": Load(100 + at, 0)}, 0) for at in map(float, range(0, 121, 20))]
    figures = figures_of([RoomTurns()], samples)
    assert figures.growth_mb_per_minute == {}
    assert figures.settled_mb == 220
    assert compare(figures, figures).growth_mb_per_room_minute == 0


def test_a_parts_load_is_that_of_its_children_too_and_stays_when_they_end(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    busy = "import time\nwhile time.process_time() < 0.2: pass\nprint('busy', flush=True)\nimport sys; sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", busy], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        noted = {"pids": {"supervisor": os.getpid(), "bridge": child.pid, "gone": 2**22 - 7}}
        (tmp_path / "run" / "processes.json").write_text(json.dumps(noted))
        meter = Meter(tmp_path)
        loads = meter.read()
        child.communicate()
    assert "supervisor" not in loads
    assert loads["bridge"].pss_mb > 1
    assert loads["bridge"].cpu_s >= 0.1
    assert loads["gone"] == Load(0, 0)
    assert meter.read()["bridge"] == Load(0, loads["bridge"].cpu_s)


@pytest.mark.slow
async def test_callers_at_the_page_hang_up_after_some_turns_and_call_again(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "processes.json").write_text(json.dumps({"pids": {"supervisor": os.getpid()}}))
    ask = Sound((6000 * np.sin(np.arange(4800) * 0.2)).astype(np.int16), 16_000)
    async with fake_door() as door:
        calls: list[CallResult] = []

        async def dial(utterances: Iterable[ScriptedUtterance], **more: Any) -> CallResult:
            calls.append(await place_call(door.url, utterances, **more))
            return calls[-1]

        figures = await measure_rooms(dial, Pace(0.1, 0, 2), tmp_path, ask, 2, 1, 1, lambda _: None)
    assert (figures.one.rooms, figures.many.rooms) == (1, 2)
    assert figures.one.asked + figures.many.asked == sum(len(call.said) for call in calls)
    assert max(len(call.said) for call in calls) == 2
    assert figures.many.asked >= 4
    assert (figures.many.missed, figures.many.problems) == (0, [])
