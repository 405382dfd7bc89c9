"""Makes a backup, or goes on with one: what a log has that its backup has not, then what erasures take out of it."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby

from nats.aio.client import Client
from nats.js.api import StreamInfo
from nats.js.errors import NotFoundError

from contracts.codec import Undecodable, decode
from contracts.events import SessionErased
from contracts.topology import UnknownSubject, event_class_of, kept_streams
from infra.backup.chunk import SavedMessage, digest, pack, saved, unpack
from infra.backup.manifest import ChunkEntry, ConsumerEntry, ErasedEntry, ErasedWords, Manifest, StreamEntry, ranges
from infra.backup.place import BackupPlace
from infra.backup.same_log import check_same_log, new_manifest, tail_of
from infra.backup.whole import ENDING, lost_chunks
from infra.log.log_streams import streams_of_log
from infra.log.provisioning import check_restored
from infra.log.stream_reader import StoredMessage, stored_messages

CHUNK_BYTES = 8_000_000
"""Before compression. About three times as much is in memory at once."""

AT_ONCE = 1000
"""Messages that are read with one request."""

SAVE_EVERY_S = 5.0
"""A backup that is killed repeats at most this much of its work."""

Report = Callable[[str], None]


@dataclass(slots=True)
class Copied:
    """What was copied of one stream: `size` is before compression, in bytes."""

    messages: int = 0
    size: int = 0
    stored_size: int = 0
    last: int = 0


@dataclass(slots=True)
class BackupFigures:
    """What a backup did. `rewritten` chunks lost erased words, `dropped` ones were older than the retention.

    `mended` ones were missing or cut short and were copied again; `lost` messages of them the log has no longer.
    """

    place: str
    is_dry_run: bool = False
    streams: dict[str, Copied] = field(default_factory=dict)
    rewritten: int = 0
    dropped: int = 0
    mended: int = 0
    lost: int = 0
    took_s: float = 0


async def back_up(nc: Client, place: BackupPlace, progress: Report, is_dry_run: bool = False) -> BackupFigures:
    """Copy to `place` what it has not yet, up to where the streams end now.

    Raises AnotherLog, NoManifest, BrokenBackup, PlaceUnusable, BackupElsewhere, StreamUnreadable, nats errors.
    """
    began_s = time.monotonic()
    await check_restored(nc.jetstream())
    manifest = await place.manifest() or await new_manifest(place)
    figures = BackupFigures(place.name, is_dry_run)
    # What was handled before the end of the log is read has its consequences in that log.
    consumers = await _consumers(nc)
    ends = {name: info for name in await _kept(nc) if (info := await _info(nc, name)) is not None}
    await check_same_log(nc, manifest, ends)
    if is_dry_run:
        for name, info in ends.items():
            figures.streams[name] = _to_copy(manifest.streams.get(name, StreamEntry()), info)
        figures.mended = len(await lost_chunks(place, manifest))
    else:
        copying = _Copying(nc, place, manifest, figures, progress)
        await copying.run(ends, consumers)
    figures.took_s = round(time.monotonic() - began_s, 3)
    return figures


async def _kept(nc: Client) -> tuple[str, ...]:
    return kept_streams((await streams_of_log(nc)).partitions)


async def _info(nc: Client, stream: str) -> StreamInfo | None:
    try:
        return await nc.jetstream().stream_info(stream)
    except NotFoundError:
        return None


async def _consumers(nc: Client) -> list[ConsumerEntry]:
    found = []
    for stream in await _kept(nc):
        if await _info(nc, stream) is None:
            continue
        for one in await nc.jetstream().consumers_info(stream):
            if one.config.durable_name and one.ack_floor is not None:
                config = one.config.as_dict()
                found.append(ConsumerEntry(stream=stream, name=one.name, floor=one.ack_floor.stream_seq, config=config))
    return found


def _to_copy(entry: StreamEntry, info: StreamInfo) -> Copied:
    """Return about how much a backup would copy: sizes are in proportion to the messages."""
    state = info.state
    first = max(entry.last + 1, state.first_seq)
    span = max(1, state.last_seq - state.first_seq + 1)
    share = max(0, state.last_seq - first + 1) / span
    return Copied(round(state.messages * share), round(state.bytes * share), 0, state.last_seq)


class _Copying:
    def __init__(
        self, nc: Client, place: BackupPlace, manifest: Manifest, figures: BackupFigures, progress: Report
    ) -> None:
        self._nc = nc
        self._place = place
        self._manifest = manifest
        self._figures = figures
        self._progress = progress
        self._erased = ErasedWords(manifest.erased)
        self._saved_s = time.monotonic()

    async def run(self, ends: dict[str, StreamInfo], consumers: list[ConsumerEntry]) -> None:
        self._manifest.is_complete = False
        self._manifest.made_by = f"daredevil {_version()}"
        if not self._manifest.runs:
            # Before there are files: those without a manifest would be taken for what is left of another backup.
            await self._place.save_manifest(self._manifest)
        for name, chunk in await lost_chunks(self._place, self._manifest):
            await self._copy_again(name, chunk)
        for name, info in ends.items():
            await self._copy(name, info)
        self._manifest.consumers = consumers
        await self._take_out_erased()
        for name, info in ends.items():
            self._drop_expired(name, info)
        self._manifest.runs += 1
        self._manifest.is_complete = True
        self._manifest.ended = datetime.now(UTC).isoformat(timespec="seconds")
        await self._place.save_manifest(self._manifest)
        known = self._manifest.files()
        left = [
            file
            async for file, _ in self._place.files(lambda name: name.endswith(ENDING) and name not in known)
            if file.partition("/")[0] in self._manifest.streams
        ]
        await self._place.delete(left)

    async def _copy(self, name: str, info: StreamInfo) -> None:
        entry = self._manifest.streams.setdefault(name, StreamEntry())
        state = info.state
        entry.first, entry.window_s = state.first_seq, info.config.duplicate_window or entry.window_s
        copied = self._figures.streams[name] = Copied(last=state.last_seq)
        if (to_copy := state.last_seq - max(entry.last, state.first_seq - 1)) > 0:
            self._progress(f"{name}: {to_copy:,} sequences to copy")
        waiting: list[SavedMessage] = []
        size = 0
        async for stored in stored_messages(self._nc, name, ">", entry.last + 1, state.last_seq + 1, AT_ONCE):
            self._note_erasure(name, stored)
            message = saved(stored)
            if self._erased.has(name, message):
                continue
            waiting.append(message)
            size += message.size
            if size >= CHUNK_BYTES:
                await self._store(name, entry, waiting, copied)
                waiting, size = [], 0
        if waiting:
            await self._store(name, entry, waiting, copied)
        entry.last = max(entry.last, state.last_seq)

    async def _copy_again(self, name: str, lost: ChunkEntry) -> None:
        """Replace a chunk whose file is lost by what the log still has of it."""
        found = stored_messages(self._nc, name, ">", lost.first, lost.last + 1, AT_ONCE)
        messages = [one async for stored in found if not self._erased.has(name, one := saved(stored))]
        chunks = self._manifest.streams[name].chunks
        at = chunks.index(lost)
        chunks[at : at + 1] = [await _write(self._place, name, messages)] if messages else []
        self._figures.mended += 1
        self._figures.lost += lost.messages - len(messages)
        self._progress(f"{lost.file} was missing or cut short: {len(messages):,} of its {lost.messages:,} messages")

    async def _store(self, name: str, entry: StreamEntry, messages: list[SavedMessage], copied: Copied) -> None:
        chunk = await _write(self._place, name, messages)
        entry.chunks.append(chunk)
        entry.last = entry.tail_sequence = chunk.last
        entry.tail = tail_of(messages[-1])
        copied.messages += chunk.messages
        copied.size += chunk.size
        copied.stored_size += chunk.stored_size
        if time.monotonic() - self._saved_s > SAVE_EVERY_S:
            await self._place.save_manifest(self._manifest)
            self._saved_s = time.monotonic()
            self._progress(f"{name}: {copied.messages:,} messages, {copied.size / 1e6:,.0f} MB, up to {chunk.last:,}")

    def _note_erasure(self, stream: str, message: StoredMessage) -> None:
        event = erasure_in(message.subject, message.data)
        if event is not None:
            sequences = ranges(fact.sequence for fact in event.skeleton)
            erased = ErasedEntry(session_id=event.session_id, stream=stream, sequences=sequences)
            self._manifest.erased.append(erased)
            self._erased.add(erased)

    async def _take_out_erased(self) -> None:
        """Write the chunks anew that have words which were erased since they were written."""
        new = [entry for entry in self._manifest.erased if not entry.is_done]
        words = ErasedWords(new)
        for name, entry in self._manifest.streams.items() if new else ():
            for at, chunk in enumerate(entry.chunks):
                if words.may_be_in(name, chunk):
                    entry.chunks[at] = await self._without(name, chunk, words)
            entry.chunks = [chunk for chunk in entry.chunks if chunk.messages]
        for one in new:
            one.is_done = True

    async def _without(self, stream: str, chunk: ChunkEntry, words: ErasedWords) -> ChunkEntry:
        data = await self._place.read(chunk.file)
        kept = [one for one in unpack(chunk.file, data, chunk.sha256) if not words.has(stream, one)]
        if len(kept) == chunk.messages:
            return chunk
        self._figures.rewritten += 1
        return await _write(self._place, stream, kept) if kept else chunk.model_copy(update={"messages": 0})

    def _drop_expired(self, name: str, info: StreamInfo) -> None:
        """Leave out the chunks in which everything is older than what the stream keeps."""
        if not info.config.max_age:
            return
        oldest = (datetime.now(UTC) - timedelta(seconds=info.config.max_age)).isoformat()
        entry = self._manifest.streams[name]
        kept = [chunk for chunk in entry.chunks if chunk.newest[:19] >= oldest[:19]]
        self._figures.dropped += len(entry.chunks) - len(kept)
        entry.chunks = kept


def erasure_in(subject: str, data: bytes) -> SessionErased | None:
    """Return the erasure that a message of the log says was made, None for any other message."""
    try:
        if event_class_of(subject) is SessionErased:
            event = decode(subject, data, allow_newer=True)
            return event if isinstance(event, SessionErased) else None
    except (UnknownSubject, Undecodable):
        pass
    return None


async def _write(place: BackupPlace, stream: str, messages: list[SavedMessage]) -> ChunkEntry:
    """Store a chunk, and return its entry. Its name tells its contents apart from those of any other."""
    data = await asyncio.to_thread(pack, messages)
    sha256 = digest(data)
    first, last = messages[0].sequence, messages[-1].sequence
    file = f"{stream}/{first:012d}-{last:012d}.{sha256[:12]}{ENDING}"
    await place.write(file, data)
    return ChunkEntry(
        file=file,
        first=first,
        last=last,
        messages=len(messages),
        size=sum(message.size for message in messages),
        stored_size=len(data),
        sha256=sha256,
        newest=messages[-1].stored,
        sessions=[] if any(message.is_fact for message in messages) else _sessions(messages),
    )


def _sessions(messages: list[SavedMessage]) -> list[str]:
    return sorted({session_id for session_id, _ in groupby(messages, lambda one: one.session_id) if session_id})


def _version() -> str:
    from importlib.metadata import version

    return version("daredevil")
