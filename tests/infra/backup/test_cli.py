"""`daredevil backup` and `daredevil restore` as a user calls them."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import nats
import pytest
from faststream.nats import NatsBroker

from contracts.topology import ACCOUNT, RECORDINGS, VOICE
from infra.backup import storing
from infra.backup.place import BackupPlace
from infra.cli.json_output import OUTPUTS
from infra.log.connection import connection
from infra.log.nats_users import everybody
from infra.settings import settings
from tests.infra.backup.logs import all_kept, ends
from tests.infra.cli.command import cli_beside
from tests.infra.erasure.talk import session, store
from tests.servers import running_nats
from tests.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def no_projections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAREDEVIL_POSTGRES_URL", "off")


def is_there(folder: Path) -> bool:
    return folder.exists() and any(folder.iterdir())


async def test_a_log_is_backed_up_and_restored_into_a_folder(
    broker: NatsBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store(broker, session("s-1", "sam"))
    place, there = str(tmp_path / "backup"), tmp_path / "there"
    code, output, _ = await cli_beside("backup", place, "--dry-run")
    assert (code, "nothing was written" in output) == (0, True)
    assert not is_there(Path(place))
    code, output, errors = await cli_beside("backup", place, "--json")
    assert code == 0, errors
    figures = json.loads(output)
    OUTPUTS["backup"].model().model_validate(figures)
    assert figures["streams"][VOICE]["messages"] == (await ends(connection(broker)))[VOICE]
    code, output, errors = await cli_beside("restore", place, "--dry-run")
    assert (code, "is whole; nothing was written" in output) == (0, True), errors
    before = (await cli_beside("events", "s-1", "--json"))[1]
    # How to connect to the NATS of the settings says nothing of the server on the folder.
    monkeypatch.setenv("DAREDEVIL_NATS_TLS_CA_FILE", str(Path(__file__).parents[2] / "authority.pem"))
    monkeypatch.setenv("DAREDEVIL_NATS_NKEY_FILE", str(tmp_path / "keys" / "{process}.nk"))
    settings.cache_clear()
    code, output, errors = await cli_beside("restore", place, "--into", str(there), "--json")
    assert code == 0, errors
    OUTPUTS["restore"].model().model_validate(json.loads(output))
    monkeypatch.delenv("DAREDEVIL_NATS_URL")
    monkeypatch.setenv("DAREDEVIL_DATA_DIR", str(there))
    settings.cache_clear()
    assert (await cli_beside("events", "s-1", "--json"))[1] == before
    code, _, errors = await cli_beside("restore", place)
    assert (code, "a backup is restored only into a NATS without any" in " ".join(errors.split())) == (2, True)


async def test_what_cannot_be_done_is_said(broker: NatsBroker, tmp_path: Path) -> None:
    nothing = str(tmp_path / "nothing")
    code, _, errors = await cli_beside("restore", nothing)
    assert (code, "there is no backup in" in errors) == (2, True)
    (tmp_path / "file").write_text("x")
    code, _, errors = await cli_beside("backup", str(tmp_path / "file"))
    assert (code, "cannot be written" in errors) == (1, True), errors
    code, _, errors = await cli_beside("restore", nothing, "--receipt", str(tmp_path / "file"))
    assert (code, "is no receipt of an erasure" in errors) == (2, True)


async def test_damaged_files_are_named_with_what_to_do(broker: NatsBroker, tmp_path: Path) -> None:
    await store(broker, session("s-1", "sam"))
    place = tmp_path / "backup"
    assert (await cli_beside("backup", str(place)))[0] == 0
    [facts], [sound] = (place / VOICE).iterdir(), (place / RECORDINGS).iterdir()
    facts.unlink()
    sound.write_bytes(b"rubbish")
    code, output, errors = await cli_beside("restore", str(place), "--dry-run")
    errors = " ".join(errors.split())
    assert (code, "is whole" in output) == (1, False)
    for expected in (
        f"{facts.relative_to(place)} is missing",
        f"{sound.relative_to(place)} is damaged",
        "2 files are missing or damaged. Where the log is still there, delete what is damaged and run",
    ):
        assert expected in errors
    code, _, errors = await cli_beside("restore", str(place), "--into", str(tmp_path / "there"))
    assert (code, "Where it is not, restore with --skip-damaged" in " ".join(errors.split())) == (1, True)
    code, output, errors = await cli_beside("backup", str(place))
    assert (code, "2 files are missing or cut short: copied again from the log" in output) == (0, True), errors
    code, output, errors = await cli_beside("restore", str(place), "--dry-run")
    assert (code, "is whole" in output) == (0, True), errors


async def test_a_restore_whose_nats_dies_says_so_in_one_line_and_goes_on_when_it_is_back(
    broker: NatsBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store(broker, session("s-1", "sam"))
    place = str(tmp_path / "backup")
    assert (await cli_beside("backup", place))[0] == 0
    async with running_nats(tmp_path / "there") as server:
        monkeypatch.setenv("DAREDEVIL_NATS_URL", server.url)
        settings.cache_clear()
        read = BackupPlace.read

        async def read_as_it_dies(self: BackupPlace, file: str) -> bytes:
            server.kill()
            return await read(self, file)

        with monkeypatch.context() as patched:
            patched.setattr(BackupPlace, "read", read_as_it_dies)
            patched.setattr(storing, "TIMEOUT_S", 0.5)
            code, _, errors = await cli_beside("restore", place)
        assert (code, "went away, or does not answer any more: try again" in " ".join(errors.split())) == (1, True), (
            errors
        )
        await server.start()
        code, _, errors = await cli_beside("restore", place)
        assert (code, "going on with the restore" in errors) == (0, True), errors


# The same without processes, step by step, is in test_backup.py.
@pytest.mark.nightly
async def test_a_killed_backup_and_a_killed_restore_go_on(broker: NatsBroker, tmp_path: Path) -> None:
    nc = connection(broker)
    for number in range(4):
        await store(broker, session(f"s-{number}", "sam"))
    sound = os.urandom(900_000)
    for number in range(60):
        await nc.jetstream().publish(f"recording.s-{number % 4}", sound, timeout=10)
    place, there = tmp_path / "backup", tmp_path / "there"

    async def killed(marker: Path, *arguments: str) -> None:
        """Run a command, and kill it once there is something at `marker`."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "infra.cli", *arguments),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await until(lambda: process.returncode is not None or is_there(marker), 60)
        process.send_signal(signal.SIGKILL)
        assert await process.wait() == -signal.SIGKILL

    await killed(place / RECORDINGS, "backup", str(place))
    code, _, errors = await cli_beside("restore", str(place), "--into", str(there))
    assert (code, "was not completed" in errors or "there is no backup" in errors) == (2, True), errors
    code, _, errors = await cli_beside("backup", str(place))
    assert code == 0, errors
    stored = there / "nats" / "jetstream" / "jetstream" / ACCOUNT / "streams" / RECORDINGS
    await killed(stored, "restore", str(place), "--into", str(there))
    code, _, errors = await cli_beside("restore", str(place), "--into", str(there))
    assert (code, "going on with the restore" in errors) == (0, True), errors
    async with running_nats(there / "nats", more=everybody()) as server:
        restored = await nats.connect(server.url)
        assert await all_kept(restored) == await all_kept(nc)
        await restored.close()
