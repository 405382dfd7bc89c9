"""A system whose log has four partitions: calls, kills, tables, replay, backup and erasure, as with one stream."""

import json
import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import nats
import pytest

from contracts.events import TurnEnded
from contracts.topology import REASONING, log_streams, partition_of
from infra.caller import CallResult, place_call
from infra.log.log_streams import LogStreams, log_infos, streams_of_log
from infra.settings import Settings, settings
from infra.system.supervisor import running_system
from projections.postgres.row import POSTGRES
from projections.status import ask_status, log_end
from tests.e2e.conftest import DATA
from tests.e2e.test_backup import is_written, keepers_on, verdict
from tests.e2e.the_log import facts_of, said_more_than_once
from tests.infra.cli.command import cli_beside
from tests.waiting import until_async

# Each part is also shown in `make test`: calls, tables and commands by the shared system, whose log has two partitions;
# the rest by tests/infra/log/test_partitions.py, tests/infra/backup and tests/projections/postgres/test_partitions.py.
pytestmark = [pytest.mark.e2e, pytest.mark.nightly, pytest.mark.asyncio(loop_scope="package")]

PARTITIONS, CALLS = 4, 3


async def test_a_system_works_and_is_kept_with_its_log_in_four_partitions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PARTITIONS": str(PARTITIONS), "LLM_TIMEOUT_S": "120", "TTS_TIMEOUT_S": "120"}.items():
        monkeypatch.setenv(f"DAREDEVIL_{name}", value)
    here, there, place = tmp_path / "here", tmp_path / "there", str(tmp_path / "backup")
    async with running_system(Settings(data_dir=here, port=0, nats_url="", llm_url="")) as system:
        url = system.addresses.nats_url
        monkeypatch.setenv("DAREDEVIL_NATS_URL", url)
        monkeypatch.setenv("DAREDEVIL_DATA_DIR", str(here))
        settings.cache_clear()
        calls = [await place_call(system.page_url, [DATA / "hello.wav"]) for _ in range(CALLS - 1)]
        killed: list[int] = []

        def kill_once(name: str, _data: dict[str, Any]) -> None:
            if name == "ReplyClauseWritten" and not killed:
                killed.append(system.pids()[REASONING])
                os.kill(killed[0], signal.SIGKILL)

        calls.append(await place_call(system.page_url, [DATA / "hello.wav"], on_fact=kill_once, answer_timeout_s=40))
        assert killed
        assert not said_more_than_once(await facts_of(url, calls[-1].session_id))
        sessions = [call.session_id for call in calls]
        assert all(_was_answered(call) for call in calls)
        for session_id in sessions:
            await until_async(partial(is_written, url, session_id), 60)
        await _check_spread(url, sessions)
        # The one whose reasoning was killed may be identical in part only.
        verified = {session_id: await verdict(session_id) for session_id in sessions[:-1]}
        await _check_lists(sessions)
        await _check_tables(url)
        figures = json.loads(await _output("backup", place, "--json"))["streams"]
        assert all(figures[f"VOICE_{partition_of(session_id, PARTITIONS)}"]["messages"] for session_id in sessions)
        facts = {session_id: await facts_of(url, session_id) for session_id in sessions}
        await _output("erase", "--session", sessions[0], "--yes")
        assert not any(isinstance(fact.event, TurnEnded) for fact in await facts_of(url, sessions[0]))
        await _check_tables(url)
    monkeypatch.delenv("DAREDEVIL_NATS_URL")
    monkeypatch.setenv("DAREDEVIL_DATA_DIR", str(there))
    settings.cache_clear()
    await _output("restore", place)
    # The data says how many partitions there are.
    monkeypatch.delenv("DAREDEVIL_PARTITIONS")
    settings.cache_clear()
    async with keepers_on(there) as restored:
        for session_id in sessions:
            assert await facts_of(restored, session_id) == facts[session_id]
        await _check_tables(restored)
        assert {session_id: await verdict(session_id) for session_id in sessions[:-1]} == verified
    settings.cache_clear()


def _was_answered(call: CallResult) -> bool:
    return bool(call.replies)


async def _check_spread(url: str, sessions: list[str]) -> None:
    nc = await nats.connect(url)
    assert await streams_of_log(nc) == LogStreams(PARTITIONS)
    stored = {info.config.name: info.state.messages for info in await log_infos(nc)}
    assert set(stored) == set(log_streams(PARTITIONS))
    used = {f"VOICE_{partition_of(session_id, PARTITIONS)}" for session_id in sessions}
    assert {name for name, count in stored.items() if count} == used
    await nc.close()


async def _check_lists(sessions: list[str]) -> None:
    listed = await _output("sessions", "--json")
    assert [json.loads(line)["session_id"] for line in listed.splitlines()] == sessions


async def _check_tables(url: str) -> None:
    nc = await nats.connect(url)

    async def have_followed() -> bool:
        states = await ask_status(nc, POSTGRES.process, 0.5)
        end = await log_end(nc)
        return any(one.state == "live" and one.position >= end for one in states)

    await until_async(have_followed, 60)
    await nc.close()
    await _output("projections", "verify", "--json")


async def _output(*command: str) -> str:
    """Return what a command prints."""
    code, output, errors = await cli_beside(*command)
    assert code == 0, output + errors
    return output
