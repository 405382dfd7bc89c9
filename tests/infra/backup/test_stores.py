"""Backups in an object store: moto's server stands in for S3, and speaks its protocol on loopback."""

from pathlib import Path

import pytest
from faststream.nats import NatsBroker

from contracts.topology import VOICE
from infra.backup.place import BackupElsewhere, BackupPlace
from infra.log.connection import connection
from tests.infra.backup.logs import all_kept, empty_nats, restored_from, saved_to
from tests.infra.erasure.talk import session, store


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
