"""kill -9 of each process in turn during a call: the call goes on, and the log holds each fact once."""

import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from infra.caller import place_call
from infra.settings import Settings
from infra.system.supervisor import Supervisor, running_system
from tests.e2e.conftest import DATA
from tests.e2e.the_log import facts_of, said_more_than_once, stored_ids

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Supervisor]:
    """A system of these tests' own: the others keep theirs whole."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"), port=0, nats_url="", llm_url="")
    async with running_system(settings) as supervisor:
        yield supervisor


@pytest.mark.parametrize(
    ("victim", "moment"),
    [
        ("transcript", "SpeechStarted"),
        pytest.param("transcript", "PlaybackStarted", marks=pytest.mark.nightly),
        pytest.param("reasoning", "ReplyStarted", marks=pytest.mark.nightly),
        ("reasoning", "ReplyClauseWritten"),
        pytest.param("synthesis", "ReplyClauseWritten", marks=pytest.mark.nightly),
        pytest.param("nats", "PlaybackStarted", marks=pytest.mark.nightly),
        ("nats", "TurnEnded"),
        pytest.param("persistence", "TurnEnded", marks=pytest.mark.nightly),
    ],
)
async def test_the_call_goes_on_when_a_process_is_killed(system: Supervisor, victim: str, moment: str) -> None:
    killed: list[int] = []

    def kill_once(name: str, _data: dict[str, Any]) -> None:
        if name == moment and not killed:
            killed.append(system.pids()[victim])
            os.kill(killed[0], signal.SIGKILL)

    result = await place_call(
        system.page_url, [DATA / "hello.wav", DATA / "what_time.wav"], on_fact=kill_once, answer_timeout_s=40
    )

    assert killed
    assert len(result.turns) == 2
    assert "hello" in result.turns[0].text.lower()
    assert "time" in result.turns[1].text.lower()
    assert all(turn.heard_text and not turn.interrupted for turn in result.turns)
    facts = await facts_of(system.addresses.nats_url, result.session_id)
    assert said_more_than_once(facts) == {}
    ids = await stored_ids(system.addresses.nats_url, result.session_id)
    assert len(ids) == len(set(ids))
