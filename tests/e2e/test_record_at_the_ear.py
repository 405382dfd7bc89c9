"""Calls whose every letter is found again: recording, word times, captions and heard text are what the ear had."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from infra.bench.marked_voice import ANSWER, FIRST_CLAUSE, marks_of
from infra.bench.record import CONDITIONS, Condition, measure_record
from infra.bench.record_distance import RecordFigures
from infra.caller import CallResult, ScriptedUtterance, place_call, read_wav
from infra.cli.bench_record import MOST_MS, SLOW
from infra.cli.bench_rooms import stub_engines
from tests.e2e.conftest import DATA
from tests.systems import System, running_system

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

WHOLE, CUT_OFF = ("slow voice", "slow, stalls"), "slow, cut off"
"""Calls at the same time, so that each is load to the others."""

LEAST_LETTERS = len(list(marks_of(ANSWER))) // 2
"""More than half of the answer: else nothing was compared."""


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def slow_voice(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    async with stub_engines(answer=ANSWER) as stubs:
        marked = {"tts": "infra.bench.marked_voice:MarkedTTS", "voice": "", "tts_options": SLOW}
        env = {f"DAREDEVIL_{name.upper()}": value for name, value in {**stubs, **marked}.items()}
        async with running_system(tmp_path_factory.mktemp("data"), env) as system:
            yield system


async def measured(system: System, name: str) -> RecordFigures:
    (wanted,) = (each for each in CONDITIONS if each.name == name)

    async def call(condition: Condition, steps: Sequence[ScriptedUtterance]) -> CallResult:
        return await place_call(system.page_url, steps, manner=condition.manner)

    ask, over = read_wav(DATA / "what_time.wav"), read_wav(DATA / "stop.wav")
    (found,) = await measure_record(call, system.nats_url, [wanted], ask, over, print)
    return found


@pytest.mark.nightly  # with real doors and recorders: tests/bridge/playback/test_recorded_at_the_ear.py
async def test_the_record_is_within_100_ms_of_the_ear_with_a_slow_voice_a_client_that_stalls_and_a_reply_cut_off(
    slow_voice: System,
) -> None:
    *whole, cut_off = await asyncio.gather(*(measured(slow_voice, name) for name in (*WHOLE, CUT_OFF)))
    for found in (*whole, cut_off):
        assert found.problem == ""
        assert found.max_ms <= MOST_MS, found.worst
        assert (found.lost, found.added, found.doubled) == (0, 0, 0), found
    for found in whole:
        assert found.letters >= LEAST_LETTERS
        assert found.breaks >= 3
    assert cut_off.letters > len(list(marks_of(FIRST_CLAUSE)))
    assert cut_off.heard_text.places > len(FIRST_CLAUSE.split())
