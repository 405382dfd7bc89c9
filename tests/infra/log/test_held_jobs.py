"""Jobs of a process that was killed come to another copy at once, not after JetStream's `ack_wait`."""

import asyncio
import dataclasses
import os
import signal
import sys
from pathlib import Path

import nats
import pytest

from contracts.codec import encode
from contracts.topology import TRANSCRIPT, VOICE, subject_of
from infra.log.event_log import append
from infra.log.held_jobs import HELD_DIR, HeldJobs, give_back, notes_of
from infra.settings import Settings
from infra.system.environment import held_dir
from infra.system.parts import Program
from infra.system.supervisor import Supervisor
from tests.infra.log.copies import a_copy_of, track_published
from tests.infra.system.test_supervisor import until

pytestmark = pytest.mark.slow

HOURS_S = 3 * 3600


def a_note(folder: Path, name: str, subject: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(subject)


def test_notes_are_read_in_the_order_of_the_log_and_what_is_none_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "123"
    a_note(folder, "transcript.10", "$JS.ACK.VOICE.transcript.1.10.3.0.0")
    a_note(folder, "transcript.9", "$JS.ACK.VOICE.transcript.1.9.2.0.0")
    a_note(folder, "recorder.2", "$JS.ACK.VOICE.recorder.1.2.1.0.0")
    a_note(folder, "transcript.11", "")  # the disk was full
    a_note(folder, "transcript.12", "voice.s-1.session.closed")
    a_note(folder, "nobody.3", "$JS.ACK.VOICE.nobody.1.3.1.0.0")
    sequences = [subject.split(".")[5] for subject in notes_of(folder, folder.stat().st_mtime + 1)]
    assert sequences == ["2", "9", "10"]


def test_jobs_that_jetstream_has_given_to_others_by_now_are_left_to_them(tmp_path: Path) -> None:
    folder = tmp_path / "123"
    a_note(folder, "transcript.9", "$JS.ACK.VOICE.transcript.1.9.2.0.0")
    assert notes_of(folder, folder.stat().st_mtime + 2.9)
    assert notes_of(folder, folder.stat().st_mtime + 3.1) == []
    assert notes_of(tmp_path / "never-held-anything", 0) == []


async def test_notes_are_thrown_away_also_where_nats_does_not_answer(tmp_path: Path) -> None:
    a_note(tmp_path / "123", "transcript.9", "$JS.ACK.VOICE.transcript.1.9.2.0.0")
    assert await give_back(tmp_path, 123, "nats://127.0.0.1:1") == 0
    assert notes_of(tmp_path / "123", 0) == []


async def test_a_job_is_noted_while_it_is_held(
    nats_server: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HELD_DIR, str(tmp_path / "held"))
    folder = tmp_path / "held" / str(os.getpid())
    end = asyncio.Event()

    async def hear(_: object) -> "asyncio.Task[None]":
        async def until_the_end() -> None:
            await end.wait()

        return asyncio.create_task(until_the_end())

    async with a_copy_of(TRANSCRIPT, hear) as broker:
        await append(broker, track_published("s-1"))
        await append(broker, track_published("s-2"))
        await until(lambda: len(notes_of(folder, folder.stat().st_mtime) if folder.exists() else ()) == 2)
        end.set()
        await until(lambda: not list(folder.iterdir()))


async def test_a_full_disk_takes_no_note_and_the_job_is_dealt_with(
    nats_server: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(HELD_DIR, str(tmp_path / "file" / "held"))
    heard: list[object] = []

    async def hear(event: object) -> None:
        heard.append(event)

    async with a_copy_of(TRANSCRIPT, hear) as broker:
        await append(broker, track_published())
        await until(lambda: heard)


def test_without_a_supervisor_nothing_is_noted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(HELD_DIR, raising=False)
    monkeypatch.chdir(tmp_path)
    HeldJobs(TRANSCRIPT).beat()
    assert list(tmp_path.iterdir()) == []


async def test_what_a_killed_part_held_comes_to_the_surviving_copy_at_once(tmp_path: Path) -> None:
    copy = (sys.executable, "-m", "tests.infra.log.hanging_copy", TRANSCRIPT)
    settings = Settings(data_dir=tmp_path, port=0, nats_url="")
    copies = [Program("one", copy, needed=False), Program("two", copy, needed=False)]

    def log_of(name: str) -> str:
        file = tmp_path / "logs" / f"{name}.log"
        return file.read_text() if file.exists() else ""

    system = Supervisor(settings, parts=copies)
    await system.start()
    try:
        await until(lambda: "ready" in log_of("one") and "ready" in log_of("two"))
        nc = await nats.connect(system.addresses.nats_url)
        js = nc.jetstream()
        # Were it left to JetStream, the jobs would come to the other copy after hours.
        known = (await js.consumer_info(VOICE, TRANSCRIPT)).config
        await js.add_consumer(VOICE, dataclasses.replace(known, ack_wait=HOURS_S))
        tracks = [track_published(f"s-{n}") for n in range(6)]
        for track in tracks:
            await js.publish(subject_of(track), encode(track))
        await until(lambda: log_of("one").count("took") + log_of("two").count("took") == 6)
        victim, survivor = sorted(("one", "two"), key=lambda name: -log_of(name).count("took"))
        before = log_of(survivor).count("took")
        pid = system.pids()[victim]
        os.kill(pid, signal.SIGKILL)
        await until(lambda: log_of("one").count("took") + log_of("two").count("took") == 6 + 6 - before)
        assert all(f"took {track.event_id}" in log_of(survivor) + log_of(victim) for track in tracks)
        assert not (held_dir(settings) / str(pid)).exists()
        await nc.close()
    finally:
        await system.stop()
