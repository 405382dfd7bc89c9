"""Backups in an object store: moto's server stands in for S3, and speaks its protocol on loopback."""

from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from faststream.nats import NatsBroker

from contracts.topology import VOICE
from infra.backup.place import BackupElsewhere, BackupPlace, PlaceUnusable
from infra.log.connection import connection
from infra.system.nats import free_port
from tests.infra.backup.logs import all_kept, empty_nats, restored_from, saved_to
from tests.infra.erasure.talk import session, store


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty bucket."""
    # Each process that runs tests would import it with this module, though one needs it.
    from moto.server import ThreadedMotoServer

    port = free_port()
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    endpoint = f"http://127.0.0.1:{port}"
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    name = f"backups-{port}"  # in one process, moto keeps what earlier servers had
    # With the first request moto imports what it simulates.
    with urlopen(Request(f"{endpoint}/{name}", method="PUT"), timeout=60):
        pass
    yield f"s3://{name}/here"
    server.stop()


async def test_a_backup_in_s3_is_gone_on_with_and_restored(broker: NatsBroker, bucket: str, tmp_path: Path) -> None:
    nc = connection(broker)
    await store(broker, session("s-1", "sam"))
    await saved_to(bucket, nc)
    await store(broker, session("s-2", "sam"))
    assert (await saved_to(bucket, nc)).streams[VOICE].messages < 40
    async with empty_nats(tmp_path / "elsewhere") as there:
        await restored_from(bucket, there)
        assert await all_kept(there) == await all_kept(nc)


async def test_of_two_backups_to_one_prefix_the_second_stops(broker: NatsBroker, bucket: str) -> None:
    await saved_to(bucket, connection(broker))
    slow, quick = BackupPlace(bucket), BackupPlace(bucket)
    of_slow, of_quick = await slow.manifest(), await quick.manifest()
    assert of_slow is not None
    assert of_quick is not None
    of_quick.runs += 1
    await quick.save_manifest(of_quick)
    with pytest.raises(BackupElsewhere, match="run this again"):
        await slow.save_manifest(of_slow)


async def test_a_bucket_that_is_not_there_is_said_in_one_line(
    broker: NatsBroker, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PlaceUnusable, match="s3://nowhere/x") as problem:
        await saved_to("s3://nowhere/x", connection(broker))
    assert "\n" not in str(problem.value)
