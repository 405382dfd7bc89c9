import asyncio
import contextlib
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import nats
import psutil
import pytest

from infra.log.log_streams import LogStreams, streams_of_log
from infra.log.readiness import UNABLE
from infra.runtime import read_runtime
from infra.settings import Settings, settings
from infra.system import addresses
from infra.system.addresses import choose_addresses, needs_local_llm
from infra.system.apps import App, Stage
from infra.system.lock import DataDirInUse, lock_data_dir
from infra.system.log_watch import LogWatch
from infra.system.parts import NATS, Program, processes
from infra.system.processes import ForkServerClient, Running, alive
from infra.system.readiness import Ready
from infra.system.start_failed import StartFailed
from infra.system.supervisor import Supervisor, backoff_s, how_it_ended, running_system
from tests.stepping import Injected, with_cancellation

pytestmark = pytest.mark.slow

FAKE_PART = Path(__file__).with_name("fake_part.py")
QUICK = "json"
"""A module that a fork server has imported at once: how its apps end does not depend on what it has imported."""


def part(name: str, mood: str = "well") -> Program:
    header = f"{UNABLE}: speak" if mood == "mute" else "Tests: yes"
    return Program(name, (sys.executable, str(FAKE_PART), name, mood, header))


def some_settings(tmp_path: Path, **values: object) -> Settings:
    return Settings(**{"data_dir": tmp_path, "port": 0, "nats_url": "", **values})  # type: ignore[arg-type]


async def until(condition: Callable[[], object], timeout_s: float = 20) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 (other processes set no event of ours)
            await asyncio.sleep(0.01)


async def test_is_started_when_every_part_answers_and_leaves_nothing_behind(tmp_path: Path) -> None:
    told: list[str] = []
    supervisor = Supervisor(some_settings(tmp_path), told.append, parts=[part("one"), part("two")])
    await supervisor.start()
    pids = supervisor.pids()
    assert set(pids) == {"nats", "one", "two"}
    runtime = read_runtime(tmp_path)
    assert runtime is not None
    assert runtime.supervisor_pid == os.getpid()
    assert any(line.startswith("two is ready after") for line in told)
    await supervisor.stop()
    assert not any(alive(pid) for pid in pids.values())
    assert read_runtime(tmp_path) is None


async def test_the_log_has_the_partitions_of_the_systems_own_settings(tmp_path: Path) -> None:
    supervisor = Supervisor(some_settings(tmp_path, partitions=3), parts=[part("one")])
    await supervisor.start()
    try:
        runtime = read_runtime(tmp_path)
        assert runtime is not None
        nc = await nats.connect(runtime.nats_url)
        assert await streams_of_log(nc) == LogStreams(3)
        await nc.close()
    finally:
        await supervisor.stop()


async def test_what_a_part_says_that_it_cannot_do_is_known_when_it_has_started(tmp_path: Path) -> None:
    supervisor = Supervisor(some_settings(tmp_path), parts=[part("one"), part("two", "mute")])
    await supervisor.start()
    assert supervisor.unable == {"speak"}
    await supervisor.stop()


async def test_parts_that_compute_leave_the_processor_to_those_that_carry_sound(tmp_path: Path) -> None:
    sound = replace(part("sound"), niceness=0)
    supervisor = Supervisor(some_settings(tmp_path), parts=[part("text"), sound])
    await supervisor.start()
    try:
        nice = {name: os.getpriority(os.PRIO_PROCESS, pid) - os.nice(0) for name, pid in supervisor.pids().items()}
        assert nice == {"nats": 0, "sound": 0, "text": 5}
    finally:
        await supervisor.stop()


async def test_parts_end_in_the_order_of_their_stages_whatever_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, door, unknown = part("server"), part("door"), part("of-somebody-else")
    parts = [server, replace(unknown, stage=Stage.RECORD), replace(door, stage=Stage.DOOR)]
    supervisor = Supervisor(some_settings(tmp_path), parts=parts)
    ended: list[str] = []
    stop = supervisor._stop

    async def noted(name: str) -> None:
        await stop(name)
        ended.append(name)

    monkeypatch.setattr(supervisor, "_stop", noted)
    await supervisor.start()
    await supervisor.stop()
    assert ended == ["door", "of-somebody-else", "server", "nats"]


async def test_how_to_connect_to_another_nats_does_not_keep_a_system_from_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAREDEVIL_NATS_URL", "")
    monkeypatch.setenv("DAREDEVIL_NATS_TLS_CA_FILE", str(Path(__file__).parents[2] / "authority.pem"))
    monkeypatch.setenv("DAREDEVIL_NATS_NKEY_FILE", str(tmp_path / "nowhere" / "{process}.nk"))
    settings.cache_clear()
    supervisor = Supervisor(some_settings(tmp_path), parts=[part("one")])
    await supervisor.start()
    await supervisor.stop()
    monkeypatch.undo()
    settings.cache_clear()


async def test_a_killed_part_is_back_with_a_word_about_it(tmp_path: Path) -> None:
    warned: list[str] = []
    supervisor = Supervisor(some_settings(tmp_path), warn=warned.append, parts=[part("one")])
    await supervisor.start()
    try:
        old = supervisor.pids()["one"]
        os.kill(old, signal.SIGKILL)
        await until(lambda: supervisor.pids().get("one", old) != old)
        assert f"one (process {old}) was killed by SIGKILL; starting it again in 0.05 s" in warned
    finally:
        await supervisor.stop()


async def test_nats_comes_back_on_its_port_with_its_data(tmp_path: Path) -> None:
    async with running_system(some_settings(tmp_path), log_only=True) as system:
        nc = await nats.connect(system.addresses.nats_url, reconnect_time_wait=0.05, max_reconnect_attempts=-1)
        js = nc.jetstream()
        await js.add_stream(name="KEPT", subjects=["kept"])
        await js.publish("kept", b"still here")
        old = system.pids()["nats"]
        os.kill(old, signal.SIGKILL)
        await until(lambda: system.pids().get("nats", old) != old)
        await until(lambda: nc.is_connected)
        async with asyncio.timeout(10):
            while True:
                try:
                    message = await js.get_msg("KEPT", 1)
                    break
                except Exception:
                    await asyncio.sleep(0.05)
        assert message.data == b"still here"
        await nc.close()


async def test_a_part_that_cannot_start_ends_the_start_with_its_last_words(tmp_path: Path) -> None:
    supervisor = Supervisor(some_settings(tmp_path), parts=[part("one"), part("broken", "crashes")])
    with pytest.raises(StartFailed, match=r"broken \(process \d+\) ended with exit code 1[\s\S]*no engine"):
        await supervisor.start()
    assert supervisor.pids() == {}
    lock_data_dir(tmp_path).release()


async def forgets_a_cancellation(*_: object) -> Ready:
    """As nats-py does where it comes at the same moment as the answer."""
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    await asyncio.Event().wait()
    return Ready("", frozenset())


async def test_a_start_that_is_interrupted_ends_though_a_library_forgets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.system.supervisor.wait_until_ready", forgets_a_cancellation)
    supervisor = Supervisor(some_settings(tmp_path), parts=[part("one")])
    start = asyncio.create_task(supervisor.start())
    await until(lambda: "one" in supervisor.pids())
    pids = supervisor.pids()
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    assert not any(alive(pid) for pid in pids.values())
    lock_data_dir(tmp_path).release()


async def test_a_start_that_failed_ends_though_a_library_forgets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.system.supervisor.wait_until_ready", forgets_a_cancellation)
    with pytest.raises(StartFailed, match="no engine"):
        await Supervisor(some_settings(tmp_path), parts=[part("broken", "crashes")]).start()
    lock_data_dir(tmp_path).release()


async def test_a_part_that_is_being_started_again_during_the_stop_is_not_left_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = Supervisor(some_settings(tmp_path), parts=[part("one")])
    await supervisor.start()
    launch, stop, launched = supervisor._launch, supervisor._stop, asyncio.Event()

    async def launch_late(what: Program | App) -> Running:
        await until(lambda: what.name in supervisor._stopping)
        process = await launch(what)
        launched.set()
        return process

    async def stop_late(name: str) -> None:
        if name == NATS:
            await launched.wait()
        await stop(name)

    monkeypatch.setattr(supervisor, "_launch", launch_late)
    monkeypatch.setattr(supervisor, "_stop", stop_late)
    os.kill(supervisor.pids()["one"], signal.SIGKILL)
    await until(lambda: "one" in supervisor._launching)
    await supervisor.stop()
    assert supervisor.pids() == {}
    assert children_of("one") == []


async def test_a_second_supervisor_is_told_who_runs_here(tmp_path: Path) -> None:
    async with running_system(some_settings(tmp_path), log_only=True):
        with pytest.raises(DataDirInUse, match=f"is in use by process {os.getpid()}"):
            await Supervisor(some_settings(tmp_path), log_only=True).start()


async def test_a_port_in_use_is_reported_with_the_setting_to_change(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StartFailed, match=f"port {port} .*DAREDEVIL_PORT"):
            await Supervisor(some_settings(tmp_path, port=port), parts=[]).start()


async def test_a_part_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.system.supervisor.GRACE_S", 0.3)
    warned: list[str] = []
    supervisor = Supervisor(some_settings(tmp_path), warn=warned.append, parts=[part("one", "stubborn")])
    await supervisor.start()
    pid = supervisor.pids()["one"]
    await supervisor.stop()
    assert not alive(pid)
    assert any("killing it" in line for line in warned)


async def test_the_death_of_the_supervisor_ends_its_children(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys; from pathlib import Path\n"
        "from infra.settings import Settings; from infra.system.supervisor import Supervisor\n"
        "async def main():\n"
        "    s = Supervisor(Settings(data_dir=Path(sys.argv[1]), nats_url='', port=0), log_only=True)\n"
        "    await s.start(); print(s.pids()['nats'], flush=True); await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, str(tmp_path), stdout=-1)
    assert process.stdout is not None
    nats_pid = int(await process.stdout.readline())
    assert alive(nats_pid)
    process.kill()
    await process.wait()
    await until(lambda: not alive(nats_pid), 5)
    lock_data_dir(tmp_path).release()


async def test_the_fork_server_runs_apps_and_reports_how_they_end(tmp_path: Path) -> None:
    server = ForkServerClient(dict(os.environ), tmp_path / "forkserver.log")
    seen = tmp_path / "seen"
    try:
        env = {**os.environ, "FAKE_APP_FILE": str(seen)}
        child = await server.fork(
            "fake", "tests.infra.system.fake_app:app", "infra.log.broker", env, tmp_path / "fake.log", 3
        )
        await until(lambda: seen.exists() and seen.read_text())
        pid, group = map(int, seen.read_text().split())
        assert pid == group == child.pid  # Ctrl-C in the terminal does not reach it
        assert os.getsid(pid) == os.getsid(0)  # nor is it given a share of the CPU of its own
        assert os.getpriority(os.PRIO_PROCESS, pid) == os.nice(0) + 3
        child.send(signal.SIGTERM)
        assert await asyncio.wait_for(child.wait(), 20) == 0
        assert "hello from the app" in (tmp_path / "fake.log").read_text()
        broken = await server.fork(
            "broken", "tests.infra.system.nothing:app", "infra.log.broker", env, tmp_path / "broken.log"
        )
        assert await asyncio.wait_for(broken.wait(), 20) == 1
        assert "ModuleNotFoundError" in (tmp_path / "broken.log").read_text()
    finally:
        await server.stop()


async def test_the_death_of_the_fork_server_ends_its_apps_and_is_noticed(tmp_path: Path) -> None:
    server = ForkServerClient(dict(os.environ), tmp_path / "forkserver.log", [QUICK])
    env = {**os.environ, "FAKE_APP_FILE": str(tmp_path / "seen")}
    child = await server.fork("fake", "tests.infra.system.fake_app:app", QUICK, env, tmp_path / "fake.log")
    server.kill()
    assert await asyncio.wait_for(child.wait(), 10) == -signal.SIGKILL
    await until(lambda: not alive(child.pid), 5)
    assert server.pid is None


async def test_a_spare_is_started_once_the_system_is_ready_and_ended_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    monkeypatch.setenv("FAKE_APP_FILE", str(seen))
    told: list[str] = []
    spare = App(
        "fake-spare",
        "tests.infra.system.fake_app:app",
        Stage.CONVERSATION,
        after="infra.log.broker",
        needed=False,
        is_spare=True,
    )
    supervisor = Supervisor(some_settings(tmp_path), told.append, parts=[part("one"), spare])
    began_before_ready: list[bool] = []
    monkeypatch.setattr(
        supervisor, "_report_ready", lambda name: began_before_ready.append("fake-spare" in supervisor.pids())
    )
    await supervisor.start()
    await until(lambda: seen.exists() and seen.read_text())
    pid = supervisor.pids()["fake-spare"]
    assert began_before_ready == [False]
    assert "starting one" in told
    await supervisor.stop()
    assert not alive(pid)


def test_waits_longer_after_each_crash_in_a_row() -> None:
    delays = [backoff_s(crashes) for crashes in range(1, 9)]
    assert delays[0] <= 0.1
    assert delays == sorted(delays)
    assert delays[-1] == 10


def test_says_how_a_process_ended() -> None:
    assert how_it_ended(-9) == "was killed by SIGKILL"
    assert how_it_ended(3) == "ended with exit code 3"


def test_a_model_server_is_started_only_for_the_local_model() -> None:
    assert needs_local_llm(Settings(llm="openai:gpt-5,local", llm_url=""))
    assert not needs_local_llm(Settings(llm="openai:gpt-5", llm_url=""))
    assert not needs_local_llm(Settings(llm="local", llm_url="http://127.0.0.1:1/v1"))


def test_it_is_started_to_score_words_that_another_model_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert needs_local_llm(Settings(llm="openai:gpt-5", llm_url="", patience="quick"))
    assert not needs_local_llm(Settings(llm="openai:gpt-5", llm_url="", patience=""))
    assert not needs_local_llm(Settings(llm="openai:gpt-5", llm_url="http://127.0.0.1:1/v1", patience="quick"))
    monkeypatch.setattr(addresses, "find_spec", lambda _: None)
    assert not needs_local_llm(Settings(llm="openai:gpt-5", llm_url="", patience="quick"))
    assert needs_local_llm(Settings(llm="local", llm_url="", patience="quick"))


def names_of(settings: Settings) -> list[str]:
    return [part.name for part in processes(settings, choose_addresses(settings))]


def test_the_system_has_every_actor_the_door_and_the_tables() -> None:
    settings = Settings(llm="local", llm_url="", nats_url="", postgres_url="", pulsar_url="", transcript_spare=False)
    actors = ["transcript", "reasoning", "synthesis", "persistence", "summaries"]
    assert names_of(settings) == ["llm", *actors, "bridge", "postgres", "projection-postgres"]


def test_a_spare_of_transcript_runs_unless_it_is_switched_off() -> None:
    assert "transcript-spare" in names_of(Settings(transcript_spare=True))
    assert "transcript-spare" not in names_of(Settings(transcript_spare=False))


def test_an_external_postgres_is_projected_to_and_off_is_off() -> None:
    external = names_of(Settings(postgres_url="postgresql://somewhere/db", pulsar_url=""))
    assert "postgres" not in external
    assert "projection-postgres" in external
    assert not {"postgres", "projection-postgres"} & set(names_of(Settings(postgres_url="off", pulsar_url="")))


async def test_a_part_that_is_not_needed_may_fail_and_the_system_says_so(tmp_path: Path) -> None:
    warned: list[str] = []
    broken = Program("broken", (sys.executable, "-c", "raise SystemExit(3)"), needed=False)
    supervisor = Supervisor(some_settings(tmp_path), warn=warned.append, parts=[part("one"), broken])
    await supervisor.start()
    try:
        await until(lambda: any("broken" in line and "exit code 3" in line for line in warned))
    finally:
        await supervisor.stop()


async def test_a_part_whose_keeper_anybody_has_cancelled_is_kept_on(tmp_path: Path) -> None:
    warned: list[str] = []
    async with running_system_of(tmp_path, warned) as supervisor:
        pid = supervisor.pids()["one"]
        (keeper,) = [task for task in asyncio.all_tasks() if task.get_name() == "keeper of one"]
        keeper.cancel()
        await until(lambda: any("another takes its place" in line for line in warned))
        assert supervisor.pids()["one"] == pid, "it runs on"
        os.kill(pid, signal.SIGKILL)
        await until(lambda: supervisor.pids().get("one", pid) != pid)


class InterruptedWatch(LogWatch):
    """Its third await is cancelled."""

    injected = Injected(3)

    async def watch(self) -> None:
        await with_cancellation(super().watch(), self.injected)


class InterruptedSupervisor(Supervisor):
    """The keeper of part `pN` has its Nth await cancelled, and so has the watcher of the logs its third."""

    def __init__(self, tmp_path: Path, warned: list[str], awaits: int) -> None:
        self.injected = {f"p{at}": Injected(at) for at in range(1, awaits + 1)}
        parts = [part(name) for name in self.injected]
        super().__init__(some_settings(tmp_path), warn=warned.append, parts=parts)
        self.watch = InterruptedWatch(tmp_path, warned.append, self._running, self._stopping)

    async def _keep_running(self, part: Program | App) -> None:
        work = super()._keep_running(part)
        injected = self.injected.get(part.name)
        await (with_cancellation(work, injected) if injected is not None else work)


async def test_every_part_is_kept_wherever_something_its_keeper_waits_for_is_cancelled(tmp_path: Path) -> None:
    warned: list[str] = []
    supervisor = InterruptedSupervisor(tmp_path, warned, awaits=8)
    await supervisor.start()
    try:
        for name, injected in supervisor.injected.items():
            while not injected.done:
                before = supervisor.pids()[name]
                os.kill(before, signal.SIGKILL)
                await until(lambda: supervisor.pids().get(name, before) != before)  # noqa: B023 (waited for here)
        await until(lambda: InterruptedWatch.injected.done)
        await until(lambda: any("watches the logs" in line for line in warned))
        await until(lambda: all(children_of(name) == [supervisor.pids().get(name)] for name in supervisor.injected))
    finally:
        await supervisor.stop()


def children_of(name: str) -> list[int]:
    """The processes that run as a part."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if child.cmdline()[1:3] == [str(FAKE_PART), name]:
                found.append(child.pid)
    return found


@pytest.mark.parametrize("at", [1, 2, 3])
async def test_how_apps_end_is_reported_wherever_reading_that_is_interrupted(tmp_path: Path, at: int) -> None:
    injected = Injected(at)

    class Interrupted(ForkServerClient):
        async def _take_answers(self, process: Process) -> None:
            await with_cancellation(super()._take_answers(process), injected)

    server = Interrupted(dict(os.environ), tmp_path / "forkserver.log", [QUICK])
    env = {**os.environ, "FAKE_APP_FILE": str(tmp_path / "seen")}
    for _ in range(at):
        child = await server.fork("fake", "tests.infra.system.fake_app:app", QUICK, env, tmp_path / "fake.log")
        child.send(signal.SIGKILL)
        assert await asyncio.wait_for(child.wait(), 20) == -signal.SIGKILL
    assert injected.done
    await server.stop()
    assert server.pid is None


async def test_an_app_whose_keeper_went_while_it_was_forked_is_not_left_running(tmp_path: Path) -> None:
    server = ForkServerClient(dict(os.environ), tmp_path / "forkserver.log", [QUICK])
    env = {**os.environ, "FAKE_APP_FILE": str(tmp_path / "seen")}
    app, log = ("tests.infra.system.fake_app:app", QUICK, env), tmp_path / "fake.log"
    forking = asyncio.create_task(server.fork("fake", *app, log))
    await until(lambda: "fake" in server._forking)
    forking.cancel()
    await asyncio.gather(forking, return_exceptions=True)
    child = await server.fork("fake-2", *app, log)
    await until(lambda: list(server._children) == [child.pid])
    await server.stop()


@asynccontextmanager
async def running_system_of(tmp_path: Path, warned: list[str]) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(some_settings(tmp_path), warn=warned.append, parts=[part("one")])
    await supervisor.start()
    try:
        yield supervisor
    finally:
        await supervisor.stop()


async def test_a_start_in_which_nothing_more_becomes_ready_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(*_: Any) -> Ready:
        return await asyncio.Future[Ready]()

    async def at_once(_: Supervisor) -> None:
        """NATS itself takes longer than one may on a busy machine, and is not what is looked at."""

    monkeypatch.setattr("infra.system.supervisor.START_TIMEOUT_S", 0.5)
    monkeypatch.setattr("infra.system.supervisor.wait_until_ready", hangs)
    monkeypatch.setattr(Supervisor, "_start_nats", at_once)
    supervisor = Supervisor(some_settings(tmp_path), parts=[part("one")])
    with pytest.raises(StartFailed, match=r"nothing more became ready within 0.5 s"):
        await supervisor.start()
