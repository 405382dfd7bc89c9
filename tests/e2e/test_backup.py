"""A system that is backed up while somebody talks, and restored elsewhere: everything about it comes out the same."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client

from contracts import events as e
from contracts.topology import RECORDINGS, log_streams, recording_subject
from infra.caller import CallResult, place_call
from infra.log.stream_reader import stored_messages
from infra.settings import Settings, settings
from infra.system.parts import keepers
from infra.system.supervisor import Supervisor
from projections.postgres.row import POSTGRES
from projections.status import ask_status, log_end
from tests.e2e.conftest import DATA
from tests.e2e.the_log import facts_of
from tests.infra.cli.command import cli_beside
from tests.waiting import until_async

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

WRITTEN_LAST = (e.RecordingStored, e.SummaryWritten)


async def test_a_system_is_backed_up_during_a_call_and_restored_elsewhere(
    system: Supervisor, hello_call: CallResult, agents_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, place, there = system.addresses.nats_url, str(tmp_path / "backup"), tmp_path / "there"
    monkeypatch.setenv("DAREDEVIL_AGENTS", str(agents_file))
    monkeypatch.setenv("DAREDEVIL_NATS_URL", url)
    settings.cache_clear()
    during: list[int] = []
    spoken = asyncio.Event()

    def listen(name: str, _data: dict[str, object]) -> None:
        if name == e.SpeechStarted.__name__:
            spoken.set()

    talking = asyncio.create_task(place_call(system.page_url, [DATA / "hello.wav"], on_fact=listen))
    await asyncio.wait_for(spoken.wait(), 60)
    during.append(await backed_up(place))
    call = await talking
    sessions = [hello_call.session_id, call.session_id]
    for session_id in sessions:
        await until_async(partial(is_written, url, session_id), 60)
    nc = await nats.connect(url)
    before = await stored(nc)
    copied = await backed_up(place)
    assert before <= during[0] + copied <= await stored(nc)  # each fact once
    assert min(during[0], copied) > 0
    recordings = {session_id: await recording(nc, session_id) for session_id in sessions}
    await nc.close()
    verified = await verdict(call.session_id)

    monkeypatch.delenv("DAREDEVIL_NATS_URL")
    monkeypatch.setenv("DAREDEVIL_DATA_DIR", str(there))
    settings.cache_clear()
    code, _, errors = await cli_beside("restore", place)
    assert code == 0, errors
    async with keepers_on(there) as restored:
        for session_id in sessions:
            assert await facts_of(restored, session_id) == await facts_of(url, session_id)
        nc = await nats.connect(restored)
        assert {session_id: await recording(nc, session_id) for session_id in sessions} == recordings
        await until_async(lambda: has_followed(nc), 60)
        await nc.close()
        code, output, errors = await cli_beside("projections", "verify", "--json")
        assert code == 0, output + errors
        assert [line["agrees"] for line in map(json.loads, output.splitlines())] == [True]
        assert await verdict(call.session_id) == verified
    settings.cache_clear()


async def backed_up(place: str) -> int:
    """Back up; return how many facts were copied."""
    code, output, errors = await cli_beside("backup", place, "--json")
    assert code == 0, errors
    streams = json.loads(output)["streams"]
    return sum(streams[name]["messages"] for name in log_streams(2))


async def stored(nc: Client) -> int:
    """Return how many facts the log has."""
    streams = [await nc.jetstream().stream_info(name) for name in log_streams(2)]
    return sum(stream.state.messages for stream in streams)


async def is_written(url: str, session_id: str) -> bool:
    found = {type(fact.event) for fact in await facts_of(url, session_id)}
    return found.issuperset(WRITTEN_LAST)


async def recording(nc: Client, session_id: str) -> list[bytes]:
    return [chunk.data async for chunk in stored_messages(nc, RECORDINGS, recording_subject(session_id))]


async def verdict(session_id: str) -> tuple[str, int, int]:
    """What a replay finds out about a session: whether its facts are identical, how many there are, how many same."""
    code, output, errors = await cli_beside("replay", session_id, "--verify", "--json")
    found = json.loads(output)
    assert (code, found["status"]) == (0, "identical"), output + errors
    return found["status"], found["facts"], found["same"]


@asynccontextmanager
async def keepers_on(data_dir: Path) -> AsyncIterator[str]:
    """Run the log, Postgres and its projection on a data directory; yield the log's address."""
    here = Settings(data_dir=data_dir, port=0, nats_url="", postgres_url="", pulsar_url="")
    supervisor = Supervisor(here, parts=keepers(here))
    await supervisor.start()
    try:
        yield supervisor.addresses.nats_url
    finally:
        await supervisor.stop()


async def has_followed(nc: Client) -> bool:
    states = await ask_status(nc, POSTGRES.process, 0.5)
    end = await log_end(nc)
    return any(one.state == "live" and one.position >= end for one in states)
