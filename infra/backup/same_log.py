"""Whether a place has a backup of this log, of another one, or of none."""

import hashlib
from uuid import uuid4

from nats.aio.client import Client
from nats.js.api import StreamInfo

from infra.backup.chunk import SavedMessage, saved
from infra.backup.manifest import MANIFEST, Manifest
from infra.backup.place import BackupPlace
from infra.backup.whole import a_chunk_at
from infra.cannot_run import CannotRun
from infra.log.stream_reader import first_message


class AnotherLog(CannotRun):
    """The backup is of another log than this one."""


class NoManifest(CannotRun):
    """There are files of a backup, but nothing says what they are."""


async def new_manifest(place: BackupPlace) -> Manifest:
    """Return the manifest of a backup that begins. Raises NoManifest, PlaceUnusable."""
    if file := await a_chunk_at(place):
        raise NoManifest(
            f"{place.name} has files of a backup, such as {file}, but no {MANIFEST}, without which nothing can be "
            "added to it: put back a copy of it, or choose another place"
        )
    return Manifest(id=uuid4().hex)


async def check_same_log(nc: Client, manifest: Manifest, ends: dict[str, StreamInfo]) -> None:
    """Raise AnotherLog unless the last messages of the backup are where they were."""
    for name, entry in manifest.streams.items():
        if not entry.tail:
            continue
        end = ends[name].state.last_seq if name in ends else 0
        if end < entry.tail_sequence:
            raise AnotherLog(
                f"the backup has stream {name} up to {entry.last}, and here it ends at {end}: it is of another log, or "
                "this one was restored from an older backup. Choose another place for this log's backup"
            )
        there = await first_message(nc, name, ">", entry.tail_sequence)
        # Erased or expired meanwhile: then nothing can be compared.
        if there is not None and there.sequence == entry.tail_sequence and tail_of(saved(there)) != entry.tail:
            raise AnotherLog(
                f"message {entry.tail_sequence} of stream {name} is not the one in the backup: it is of another log. "
                "Choose another place for this log's backup"
            )


def tail_of(message: SavedMessage) -> str:
    """Return the SHA-256 of subject and data."""
    return hashlib.sha256(message.subject.encode() + b"\0" + message.data).hexdigest()
