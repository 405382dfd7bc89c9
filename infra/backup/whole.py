"""Whether the files of a backup are whole, and what is in those that are."""

from collections.abc import AsyncIterator

from infra.backup.chunk import DamagedFile, SavedMessage, unpack
from infra.backup.manifest import ChunkEntry, Manifest, StreamEntry
from infra.backup.place import BackupPlace

ENDING = ".msgpack.zst"


async def lost_chunks(place: BackupPlace, manifest: Manifest) -> list[tuple[str, ChunkEntry]]:
    """Return the chunks, with their streams, whose files are missing or cut short; none is read.

    Raises PlaceUnusable.
    """
    sizes = {file: size async for file, size in place.files(lambda name: name.endswith(ENDING))}
    return [
        (name, chunk)
        for name, entry in manifest.streams.items()
        for chunk in entry.chunks
        if sizes.get(chunk.file) != chunk.stored_size
    ]


async def a_chunk_at(place: BackupPlace) -> str:
    """Return the name of any file with messages; empty if there is none. Raises PlaceUnusable."""
    async for file, _ in place.files(lambda name: name.endswith(ENDING)):
        return file
    return ""


async def messages_in(
    place: BackupPlace, entry: StreamEntry, damaged: list[str] | None = None
) -> AsyncIterator[SavedMessage]:
    """Yield the messages of a stream.

    What is wrong with a file that is missing or damaged is appended to `damaged`, and its messages are left out.
    Without that list it raises DamagedFile. Raises PlaceUnusable.
    """
    for chunk in entry.chunks:
        try:
            messages = list(unpack(chunk.file, await place.read(chunk.file), chunk.sha256))
        except DamagedFile as error:
            if damaged is None:
                raise
            damaged.append(str(error))
            continue
        for message in messages:
            yield message
