"""The version before and this one on one log: half of the actors are of either, then the rest follow during a call."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts import events as e
from contracts.topology import BRIDGE, DEAD, PERSISTENCE, REASONING, SUMMARIES, SYNTHESIS, TRANSCRIPT, health_subject
from infra.caller import CallResult, ScriptedUtterance, place_call, read_wav
from infra.cli.bench_rooms import stub_engines
from infra.log.event_log import Fact
from infra.system.nats import free_port
from tests.e2e.conftest import DATA
from tests.e2e.the_log import facts_of, said_more_than_once
from tests.servers import running_nats
from tests.upgrades.earlier import ROOT, earlier_tree
from tests.waiting import until_async

# That each version reads the other's facts is shown in test_facts.py.
pytestmark = [pytest.mark.e2e, pytest.mark.nightly, pytest.mark.needs_history]

ROLLED_FIRST = (TRANSCRIPT, PERSISTENCE, BRIDGE)
ROLLED_DURING_A_CALL = (REASONING, SYNTHESIS, SUMMARIES)
APPS = {BRIDGE: "bridge.websocket:app"}

Processes = dict[str, asyncio.subprocess.Process]


async def test_a_call_goes_on_while_this_version_replaces_the_one_before(tmp_path: Path) -> None:
    tree = earlier_tree(tmp_path / "earlier")
    async with AsyncExitStack() as stack:
        log = await stack.enter_async_context(running_nats(tmp_path / "nats"))
        stubs = await stack.enter_async_context(stub_engines())
        port = free_port()
        settings = {f"DAREDEVIL_{name.upper()}": value for name, value in stubs.items()}
        settings |= {"DAREDEVIL_NATS_URL": log.url, "DAREDEVIL_POSTGRES_URL": "off", "DAREDEVIL_PORT": str(port)}
        settings |= {"DAREDEVIL_DATA_DIR": str(tmp_path / "data")}
        nc = await nats.connect(log.url)
        stack.push_async_callback(nc.close)
        page = f"http://127.0.0.1:{port}/"

        await stack.enter_async_context(running(nc, ROLLED_FIRST, ROOT, settings))
        async with running(nc, ROLLED_DURING_A_CALL, tree, settings) as old:
            mixed = await call(page)
            await stack.enter_async_context(running(nc, ROLLED_DURING_A_CALL, ROOT, settings))
            begun = asyncio.Event()
            during = asyncio.create_task(call(page, turns=4, begun=begun))
            await asyncio.wait_for(begun.wait(), 60)
            await ended(old)
        rolled = [await during, await call(page)]

        writers = [await checked(log.url, result) for result in (mixed, *rolled)]
        of_both = [{one for one in found if one.startswith(REASONING)} for found in writers]
        assert of_both[0].isdisjoint(of_both[2]), "the old copy worked at first, the new one at last"
        assert len(of_both[0] | of_both[1] | of_both[2]) == 2
        assert (await nc.jetstream().stream_info(DEAD)).state.messages == 0


async def checked(url: str, result: CallResult) -> set[str]:
    """Check that a call was whole; return which copies of actors have appended its facts."""
    assert not result.errors
    assert all(turn.heard_text for turn in result.turns)
    facts: list[Fact] = []

    async def is_written() -> bool:
        facts[:] = await facts_of(url, result.session_id)
        return any(isinstance(fact.event, e.SummaryWritten) for fact in facts)

    await until_async(is_written)
    assert not said_more_than_once(facts)
    assert any(isinstance(fact.event, e.SessionClosed) for fact in facts)
    return {fact.event.appended_by for fact in facts if fact.event.appended_by}


@asynccontextmanager
async def running(
    nc: Client, names: tuple[str, ...], tree: Path, settings: Mapping[str, str]
) -> AsyncIterator[Processes]:
    """Run these processes from the code in `tree`, each alone; ready when entered, ended when left."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAREDEVIL_")}
    environment = {**kept, **settings, "PYTHONPATH": str(tree), "DAREDEVIL_OPENING_PATIENCE_S": "10"}
    processes: Processes = {}
    try:
        for name in names:
            processes[name] = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "faststream", "run", APPS.get(name, f"actors.{name}:app")),
                cwd=tree,
                env=environment,
            )
        for name, process in processes.items():
            await until_async(partial(is_ready, nc, name, process.pid), 120, name)
        yield processes
    finally:
        await ended(processes)


async def is_ready(nc: Client, name: str, pid: int) -> bool:
    """Whether this copy of a process answers health requests."""
    pids: list[int] = []

    async def note(answer: Msg) -> None:
        if answer.data:  # else NATS says that nobody is there
            pids.append(int(answer.data))

    inbox = nc.new_inbox()
    subscription = await nc.subscribe(inbox, cb=note)
    await nc.publish(health_subject(name), b"", reply=inbox)
    await asyncio.sleep(0.2)
    await subscription.unsubscribe()
    return pid in pids


async def ended(processes: Processes) -> None:
    """End processes as an orchestrator does."""
    for process in processes.values():
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
    for process in processes.values():
        try:
            await asyncio.wait_for(process.wait(), 40)
        except TimeoutError:
            process.kill()
            await process.wait()


async def call(page: str, turns: int = 1, begun: asyncio.Event | None = None) -> CallResult:
    """Say hello some times, and be answered each time."""

    def listen(name: str, _data: dict[str, object]) -> None:
        if begun is not None and name == e.PlaybackFinished.__name__:
            begun.set()

    hello = ScriptedUtterance(read_wav(DATA / "hello.wav"))
    result = await place_call(page, [hello] * turns, on_fact=listen, answer_timeout_s=60)
    assert len(result.turns) == turns, result
    return result
