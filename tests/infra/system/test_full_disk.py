"""A log whose disk is full, and has room again: a real NATS on a small file system of its own."""

import contextlib
import os
from pathlib import Path

import nats
import pytest
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from infra.log.log_probe import LogProbe, Refusals
from infra.settings import Settings
from infra.system.log_disk import ROOM_BYTES, LogDisk
from infra.system.supervisor import Supervisor
from tests.small_disk import small_disk as small_disk
from tests.waiting import until, until_async

pytestmark = pytest.mark.slow


async def fill(js: JetStreamContext) -> int:
    """Store until nothing more is taken; return the last sequence that was acknowledged."""
    stored = 0
    for _ in range(100):
        try:
            stored = (await js.publish("voice.a.b.c", b"y" * 100_000, timeout=1)).seq
        except (NatsError, TimeoutError):
            return stored
    raise AssertionError("the disk took 10 MB more than it has")


async def test_after_the_disk_had_no_room_nats_is_started_again_and_nothing_stored_is_lost(small_disk: Path) -> None:
    warned: list[str] = []
    settings = Settings(data_dir=small_disk, port=0, nats_url="")
    supervisor = Supervisor(settings, warn=warned.append, parts=[])
    await supervisor.start()
    nc = await nats.connect(supervisor.addresses.nats_url, max_reconnect_attempts=-1, reconnect_time_wait=0.1)
    try:
        js = nc.jetstream()
        assert await LogProbe().problem(js) == ""
        pid = supervisor.pids()["nats"]
        filler = small_disk / "filler"
        free = os.statvfs(small_disk)
        filler.write_bytes(b"x" * (free.f_bavail * free.f_frsize - 1_000_000))
        stored = await fill(js)
        await until(lambda: any("stores no more facts" in line for line in warned), 20)
        crumbs = small_disk / "crumbs"
        with crumbs.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass
        assert "stores no facts" in await LogProbe().problem(js)
        assert supervisor.pids()["nats"] == pid, "while there is no room, a new start would not help"

        filler.unlink()
        crumbs.unlink()

        async def takes_facts() -> bool:
            try:
                return (await js.publish("voice.a.b.c", b"z", timeout=1)).seq > stored
            except (NatsError, TimeoutError, OSError):
                return False

        await until_async(takes_facts, 40)
        assert supervisor.pids()["nats"] != pid
        assert (await js.get_msg("VOICE", stored)).data == b"y" * 100_000
        assert await LogProbe().problem(js) == ""
        assert len([line for line in warned if "stores no more facts" in line]) == 1
    finally:
        await nc.close()
        await supervisor.stop()


def test_a_failed_write_is_reported_by_the_server_and_a_restart_waits_for_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = LogDisk(tmp_path)
    assert not disk.take("[7] 2026/11/29 11:52:02.1 [WRN] Slow consumer")
    assert not disk.restart_due()
    assert disk.take(
        "[7] 2026/11/29 11:52:02.1 [ERR] JetStream stream '$G > VOICE' critical write error: no space left"
    )
    room = ROOM_BYTES - 1
    monkeypatch.setattr("infra.system.log_disk.free_bytes", lambda _: room)
    assert not disk.restart_due()
    room = ROOM_BYTES
    assert disk.restart_due()
    disk.restarted()
    assert not disk.restart_due()


def test_a_process_whose_facts_are_refused_is_not_ready_until_one_is_stored() -> None:
    refusals = Refusals()
    assert refusals.problem(100) == ""
    refusals.refused(95, 100)
    refusals.refused(100, 104)
    assert refusals.problem(105) == "the log has stored none of this process's facts for 5 s"
    assert refusals.problem(140) == "", "nobody has tried since: it may well take them again"
    refusals.refused(140, 141)
    refusals.stored()
    assert refusals.problem(142) == ""


def test_what_was_refused_before_nats_was_back_says_nothing_any_more() -> None:
    refusals = Refusals()
    refusals.refused(100, 105)
    refusals.back(110)
    assert refusals.problem(111) == ""
    refusals.refused(109, 114)
    assert refusals.problem(115) == "", "it was tried while NATS was away"
    refusals.refused(111, 116)
    assert refusals.problem(117) == "the log has stored none of this process's facts for 1 s"
