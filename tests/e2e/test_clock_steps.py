"""Wall clocks that step by an hour in a call, and a machine that is an hour apart: nobody notices.

The processes' wall clocks are set through `tests/stepped_clock`; NATS, the caller and this test keep the real one. The
engines are stubs: what is tested is time.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from contracts import events as e
from infra.bench.stub_engines import HEARD
from infra.caller import CallResult, place_call
from infra.cli.bench_rooms import stub_engines
from infra.export.conversation import conversation_of
from tests.e2e.conftest import DATA
from tests.e2e.the_log import facts_of
from tests.systems import System, running_system
from tests.waiting import until_async

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

HOUR_S = 3600
SLACK_S = 2.0
LONGEST_GAP_MS = 60_000
STEPPED_CLOCK = Path(__file__).parent.parent / "stepped_clock"
TRANSCRIPT = "daredevil: transcript"


class WallClocks:
    """Sets the wall clocks of a running system."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.set({})

    def set(self, ahead_s: dict[str, int]) -> None:
        """Have processes of these titles be so far ahead, `""` all others."""
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(ahead_s))
        new.replace(self.file)


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def clocks(tmp_path_factory: pytest.TempPathFactory) -> WallClocks:
    return WallClocks(tmp_path_factory.mktemp("clocks") / "ahead.json")


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def system(tmp_path_factory: pytest.TempPathFactory, clocks: WallClocks) -> AsyncIterator[System]:
    async with stub_engines() as stubs:
        settings = {f"DAREDEVIL_{name.upper()}": value for name, value in stubs.items()}
        async with running_system(tmp_path_factory.mktemp("data"), settings | _environment(clocks)) as system:
            yield system


def _environment(clocks: WallClocks) -> dict[str, str]:
    return {"PYTHONPATH": str(STEPPED_CLOCK), "WALL_CLOCK_STEPS": str(clocks.file)}


async def test_the_clocks_of_processes_do_step(clocks: WallClocks) -> None:
    clocks.set({"": -HOUR_S})
    code = "import time; print(time.time(), time.time_ns())"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code), env={**os.environ, **_environment(clocks)}, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    now_s, now_ns = (float(value) for value in told.split())
    assert time.time() - now_s == pytest.approx(HOUR_S, abs=60)
    assert now_ns / 1e9 == pytest.approx(now_s, abs=60)


@pytest.mark.parametrize(
    ("hours", "moment"),
    [
        (-1, "SpeechStarted"),
        pytest.param(-1, "TurnEnded", marks=pytest.mark.nightly),
        pytest.param(-1, "PlaybackStarted", marks=pytest.mark.nightly),
        pytest.param(1, "SpeechStarted", marks=pytest.mark.nightly),
        pytest.param(1, "TurnEnded", marks=pytest.mark.nightly),
        pytest.param(1, "PlaybackStarted", marks=pytest.mark.nightly),
    ],
)
async def test_a_step_in_mid_call_is_not_heard_and_not_seen(
    system: System, clocks: WallClocks, hours: int, moment: str
) -> None:
    clocks.set({})
    chat = await _chat(system, "Hello!")

    def step(name: str, _data: dict[str, Any]) -> None:
        if name == moment:
            clocks.set({"": hours * HOUR_S})

    result = await _call(system, step)
    await _check(system, result)
    # A conversation by text that was open all the while has not timed out.
    assert (await _chat(system, "And then?", chat))["session_id"] == chat["session_id"]


# Steps are shown by the test above, another copy that goes on by tests/actors/transcript/test_track_owner.py.
@pytest.mark.nightly
@pytest.mark.parametrize(
    ("hours", "moment"),
    [(-1, "SpeechStarted"), (-1, "PlaybackStarted"), (1, "SpeechStarted"), (1, "PlaybackStarted")],
)
async def test_a_transcript_process_an_hour_apart_takes_a_call_over(
    system: System, clocks: WallClocks, hours: int, moment: str
) -> None:
    clocks.set({})
    killed: list[int] = []

    def take_over(name: str, _data: dict[str, Any]) -> None:
        if name == moment and not killed:
            clocks.set({TRANSCRIPT: hours * HOUR_S})
            killed.append(system.kill("transcript", signal.SIGKILL))

    result = await _call(system, take_over)
    assert killed
    await _check(system, result)


async def _call(system: System, on_fact: Any) -> CallResult:
    return await place_call(
        system.page_url, [DATA / "hello.wav", DATA / "what_time.wav"], on_fact=on_fact, answer_timeout_s=40
    )


async def _chat(system: System, text: str, before: dict[str, Any] | None = None) -> dict[str, Any]:
    kept = {key: before[key] for key in ("session_id", "resume_token") if key in before} if before else {}
    async with httpx.AsyncClient(base_url=system.page_url, timeout=30) as http:
        answer = await http.post("/chat", json={"text": text, **kept})
        assert answer.status_code == 200, answer.text
        return {**kept, **answer.json()}


async def _check(system: System, result: CallResult) -> None:
    assert [turn.text for turn in result.turns] == [HEARD, HEARD]
    assert all(turn.heard_text and not turn.interrupted for turn in result.turns)
    for turn in result.turns:
        assert turn.log_gap_ms is not None
        assert 0 <= turn.log_gap_ms <= LONGEST_GAP_MS
        assert all(0 <= part <= turn.log_gap_ms for part in turn.parts.values())

    async def over() -> bool:
        facts = [fact.event for fact in await facts_of(system.nats_url, result.session_id)]
        return {e.SessionClosed, e.RecordingStored, e.SummaryWritten} <= {type(fact) for fact in facts}

    await until_async(over, 40, "the end of the record")
    facts = [fact.event for fact in await facts_of(system.nats_url, result.session_id)]
    opened = next(fact.time_ns for fact in facts if isinstance(fact, e.SessionOpened))
    closed = next(fact for fact in facts if isinstance(fact, e.SessionClosed))
    assert closed.reason == "hangup"
    call_s = result.seconds + SLACK_S
    assert {type(fact).__name__ for fact in facts if not 0 <= fact.time_ns - opened <= (call_s + 40) * 1e9} == set()
    recording = next(fact for fact in facts if isinstance(fact, e.RecordingStored))
    conversation = conversation_of(facts)
    assert 0 < (conversation.end_ms or 0) / 1000 < call_s
    starts = [(caption.start_ms, caption.end_ms) for caption in conversation.captions]
    assert starts
    assert all(0 <= start <= end <= call_s * 1000 for start, end in starts)
    by_speaker = [[c.start_ms for c in conversation.captions if c.speaker == who] for who in ("user", "agent")]
    assert all(times == sorted(times) and times for times in by_speaker)
    assert recording.duration_ms / 1000 < call_s
