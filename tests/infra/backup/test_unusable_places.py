"""Places that cannot be used: backup and restore say why in one sentence, and lose nothing."""

import os
from pathlib import Path

import pytest
from faststream.nats import NatsBroker

from infra.backup import place as places
from infra.log.connection import connection
from infra.settings import settings
from infra.system.nats import free_port
from tests.infra.backup.refusing_store import refusing_store
from tests.infra.cli.command import cli_beside
from tests.infra.erasure.talk import session, store
from tests.small_disk import fill_up, set_read_only
from tests.small_disk import small_disk as small_disk

pytestmark = pytest.mark.slow

ANOTHER_REGION = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AuthorizationHeaderMalformed</Code><Message>The '
    "authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'</Message>"
    "<Region>eu-west-1</Region><RequestId>1</RequestId></Error>"
)
MOVED = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>PermanentRedirect</Code><Message>The bucket you are '
    "attempting to access must be addressed using the specified endpoint.</Message></Error>"
)
PAGE = "<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body>Welcome!</body></html>"


@pytest.fixture(autouse=True)
def no_projections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAREDEVIL_POSTGRES_URL", "off")


@pytest.fixture(autouse=True)
def asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that does not answer is not asked again."""
    monkeypatch.setattr(places, "RETRIES", {"max_retries": 0})


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return monkeypatch


async def problem_of(*arguments: str) -> str:
    """What a command says that fails: in one line, without what a server has sent."""
    code, _, errors = await cli_beside(*arguments)
    told = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert code == 1, errors
    assert len(told) == 1, errors
    assert errors.rstrip().endswith(told[0]), errors
    assert not any(mark in errors for mark in ("Traceback", "<?xml", "<Code>", "<html", "Debug source")), errors
    return told[0]


async def both_say(place: str, said: str) -> None:
    """Backup and restore name the place, and say this of it."""
    for command in (
        ("backup", place),
        ("backup", place, "--dry-run"),
        ("restore", place),
        ("restore", place, "--dry-run"),
    ):
        problem = await problem_of(*command)
        assert place in problem
        assert said in problem, command


async def test_a_bucket_that_is_not_there(broker: NatsBroker, bucket: str) -> None:
    await both_say("s3://nowhere/x", "there is no such bucket: make it, or correct its name")


async def test_keys_that_the_store_does_not_know(
    broker: NatsBroker, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moto.settings.INITIAL_NO_AUTH_ACTION_COUNT", 0.0)  # now it asks who somebody is
    await both_say(bucket, "the store does not know this key: correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (400, ANOTHER_REGION, "the bucket is in another region (eu-west-1): set AWS_REGION"),
        (301, MOVED, "the bucket is in another region: set AWS_REGION"),
        (200, PAGE, "what answers there is no object store: correct AWS_ENDPOINT_URL"),
        (404, PAGE, "what answers there is no object store: correct AWS_ENDPOINT_URL"),
        (405, PAGE, "what answers there is no object store: correct AWS_ENDPOINT_URL"),
        (503, "busy", "503"),
    ],
)
async def test_a_store_that_refuses(
    broker: NatsBroker, keys: pytest.MonkeyPatch, status: int, body: str, said: str
) -> None:
    with refusing_store(status, body) as endpoint:
        keys.setenv("AWS_ENDPOINT_URL", endpoint)
        await both_say("s3://backups/x", said)


async def test_nobody_answers(broker: NatsBroker, keys: pytest.MonkeyPatch) -> None:
    keys.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    await both_say("s3://backups/x", "no object store answers: check AWS_ENDPOINT_URL")


async def test_no_keys_are_set(broker: NatsBroker, keys: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        keys.delenv(name)
    await both_say("s3://backups/x", "no keys are set for it: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")


@pytest.mark.parametrize(
    "place", ["s4://backups/x", "s3:///x", "s3://", "file:///mnt/backup", "memory:///", "https://x/y"]
)
async def test_what_is_no_place_is_an_invalid_request(broker: NatsBroker, place: str) -> None:
    for command in ("backup", "restore"):
        code, _, errors = await cli_beside(command, place)
        assert (code, f"{place} is no place for a backup: give a folder" in errors) == (2, True), errors


async def test_a_folder_that_is_read_only_can_be_restored_from_and_not_backed_up_to(
    broker: NatsBroker, small_disk: Path, tmp_path: Path
) -> None:
    await store(broker, session("s-1", "sam"))
    place = str(small_disk / "backup")
    assert (await cli_beside("backup", place))[0] == 0
    set_read_only(small_disk)
    for folder in (place, str(small_disk / "new")):
        problem = await problem_of("backup", folder)
        assert f"{folder} cannot be written: its file system is read-only: choose another place" in problem
    code, _, errors = await cli_beside("restore", place, "--into", str(tmp_path / "there"))
    assert code == 0, errors
    problem = await problem_of("restore", place, "--into", str(small_disk / "there"))
    assert f"the data directory {small_disk / 'there'} cannot be used" in problem


async def test_a_backup_to_a_full_disk_keeps_what_is_there_and_goes_on_when_there_is_room(
    broker: NatsBroker, small_disk: Path
) -> None:
    await store(broker, session("s-1", "sam"))
    place = str(small_disk / "backup")
    assert (await cli_beside("backup", place))[0] == 0
    for number in range(4):
        await connection(broker).jetstream().publish("recording.s-1", bytes([number]) * 900_000, timeout=10)
    filler = fill_up(small_disk)
    problem = await problem_of("backup", place)
    assert f"{place} cannot be used: its disk is full: make room, then run this again" in problem
    code, output, errors = await cli_beside("restore", place, "--dry-run")
    assert (code, "is whole" in output) == (0, True), errors
    filler.unlink()
    code, _, errors = await cli_beside("backup", place)
    assert code == 0, errors
    assert (await cli_beside("restore", place, "--dry-run"))[0] == 0


async def test_a_restore_to_a_full_disk_goes_on_when_there_is_room(
    broker: NatsBroker, small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store(broker, session("s-1", "sam"))
    for _ in range(30):
        await connection(broker).jetstream().publish("recording.s-1", os.urandom(900_000), timeout=10)
    place, there = str(tmp_path / "backup"), small_disk / "there"
    code, _, errors = await cli_beside("backup", place)
    assert code == 0, errors
    filler = small_disk / "filler"
    filler.write_bytes(bytes(25_000_000))
    problem = await problem_of("restore", place, "--into", str(there))
    assert f"the disk of {there} is full: make room, then restore again: it goes on" in problem
    filler.unlink()
    code, _, errors = await cli_beside("restore", place, "--into", str(there))
    assert (code, "going on with the restore that was cut short" in errors) == (0, True), errors
    before = (await cli_beside("events", "s-1", "--json"))[1]
    monkeypatch.delenv("DAREDEVIL_NATS_URL")
    monkeypatch.setenv("DAREDEVIL_DATA_DIR", str(there))
    settings.cache_clear()
    assert (await cli_beside("events", "s-1", "--json"))[1] == before
