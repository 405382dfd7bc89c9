"""Puts a backup into an empty NATS: the same sequences, bytes and ids, and what consumers had handled."""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from nats.aio.client import Client
from nats.js.api import ConsumerConfig, DeliverPolicy, StorageType, StoreCompression, StreamConfig, SubjectTransform
from nats.js.errors import NotFoundError

from contracts.topology import RESTORING, RESTORING_GAP, Stream, log_streams, streams
from infra.backup.again_erased import ErasedAgain
from infra.backup.chunk import SavedMessage
from infra.backup.copying import Report
from infra.backup.manifest import MANIFEST, ConsumerEntry, ErasedWords, Manifest, StreamEntry
from infra.backup.place import BackupPlace, NoBackup
from infra.backup.storing import AT_ONCE, BATCH_BYTES, Storing
from infra.backup.whole import a_chunk_at, messages_in
from infra.cannot_run import CannotRun
from infra.log.clock import time_ns_of
from infra.log.event_log import now_ns
from infra.log.log_streams import LogStreams, NotMapped, check_mapped, forget_streams, streams_of_log
from infra.log.provisioning import RESTORED_FROM
from infra.log.wanted_streams import max_age_s, stream_config
from infra.settings import MOST_PARTITIONS, settings
from infra.settings_given import how_to_unset

LEAST_API_LEVEL = 4
"""JetStream's API level from which a consumer can be told where to go on (NATS 2.14)."""

SHORTEST_WINDOW_S = 0.1
"""NATS allows no shorter one. Ids that came hours apart are stored within a second of each other here."""

MARK = "backup"
"""Which backup is being restored, in the metadata of the stream that says so."""

Provision = Callable[[], Awaitable[None]]


class NotEmpty(CannotRun):
    """The NATS to restore into has messages already."""

    exit_code = 2


class CannotRestore(CannotRun):
    """A backup cannot be restored into this NATS; the message says why."""

    exit_code = 2


@dataclass(slots=True)
class Restored:
    """What was restored of one stream. `left_out` were erased, or older than what is kept."""

    messages: int = 0
    left_out: int = 0
    size: int = 0
    last: int = 0


@dataclass(slots=True)
class RestoreFigures:
    """What a restore did, or would do. `consumers` continue where they had got to.

    `damaged` says of each file that is missing or damaged what is wrong with it: its messages are left out.
    """

    place: str
    is_dry_run: bool = False
    made: str = ""
    streams: dict[str, Restored] = field(default_factory=dict)
    consumers: int = 0
    erased_again: int = 0
    damaged: list[str] = field(default_factory=list)
    took_s: float = 0


async def complete_manifest(place: BackupPlace) -> Manifest:
    """Return the manifest of a backup that can be restored.

    Raises NoBackup, BrokenBackup, PlaceUnusable, CannotRestore if the settings want another number of partitions.
    """
    manifest = await place.manifest()
    if manifest is None and await a_chunk_at(place):
        raise NoBackup(
            f"{place.name} has files of a backup, but no {MANIFEST}, without which it cannot be restored: put back a "
            "copy of it"
        )
    if manifest is None:
        raise NoBackup(f"there is no backup in {place.name}: `daredevil backup {place.name}` makes one")
    if not manifest.runs:
        raise NoBackup(f"the backup in {place.name} was not completed: run `daredevil backup {place.name}` again")
    partitions, wanted = partitions_in(manifest), settings().partitions
    if wanted not in (0, partitions):
        raise CannotRestore(
            f"the log in this backup has {partitions} partition{'s' if partitions > 1 else ''}, and "
            f"DAREDEVIL_PARTITIONS wants {wanted}: {how_to_unset('partitions')}, as each session stays in its partition"
        )
    return manifest


async def check(place: BackupPlace, manifest: Manifest, progress: Report) -> RestoreFigures:
    """Read every file of a backup, and compare it with the manifest: `damaged` of the figures. Raises PlaceUnusable."""
    began_s = time.monotonic()
    figures = RestoreFigures(place.name, True, manifest.ended, consumers=len(manifest.consumers))
    _warn_of_interruption(manifest, progress)
    for name, entry in manifest.streams.items():
        progress(f"{name}: reading {len(entry.chunks):,} files")
        restored = figures.streams[name] = Restored(last=entry.last)
        words = ErasedWords(manifest.erased)
        async for message in messages_in(place, entry, figures.damaged):
            if words.has(name, message):
                restored.left_out += 1
                continue
            restored.messages += 1
            restored.size += message.size
    figures.took_s = round(time.monotonic() - began_s, 3)
    return figures


async def restore(
    nc: Client,
    place: BackupPlace,
    manifest: Manifest,
    provision: Provision,
    again: ErasedAgain,
    progress: Report,
    skips_damaged: bool = False,
) -> RestoreFigures:
    """Restore a backup into a NATS without messages, or go on with a restore that was cut short.

    `provision` gives the streams the form that they have in a running system; `again` has what was erased after the
    backup. Raises NotEmpty, CannotRestore, DamagedFile (unless `skips_damaged`), PlaceUnusable, nats errors,
    TimeoutError.
    """
    return await _Restore(nc, place, manifest, again, progress, skips_damaged).run(provision)


def _warn_of_interruption(manifest: Manifest, progress: Report) -> None:
    if not manifest.is_complete:
        progress(
            f"the last run of this backup, after that of {manifest.ended}, was interrupted: what it had copied comes "
            "along. Where the log is still there, run `daredevil backup` again first"
        )


def partitions_in(manifest: Manifest) -> int:
    """Return how many partitions the log has that a backup is of."""
    return sum(name in manifest.streams for name in log_streams(MOST_PARTITIONS)) or 1


def _as_restored(row: Stream, entry: StreamEntry, window_s: float, partitions: int) -> StreamConfig:
    """Return a stream's form while it is being restored: nothing is sent on, nothing expires."""
    return StreamConfig(
        name=row.name,
        subjects=[*row.subjects, RESTORING_GAP.of(row.name)],
        storage=StorageType.FILE,
        compression=StoreCompression.S2 if row.is_compressed else None,
        duplicate_window=window_s,
        first_seq=max(1, next((chunk.first for chunk in entry.chunks), entry.last + 1)),
        allow_direct=True,
        subject_transform=SubjectTransform(*row.transform) if row.transform else None,
        metadata=stream_config(row, settings(), partitions).metadata,
    )


def _end_ns(entry: StreamEntry) -> int:
    """Return from when on NATS is to know the ids of what is restored, as it did when the backup was made."""
    return time_ns_of(entry.chunks[-1].newest) - round(entry.window_s * 1e9) if entry.chunks else 0


class _Restore:
    def __init__(
        self,
        nc: Client,
        place: BackupPlace,
        manifest: Manifest,
        again: ErasedAgain,
        progress: Report,
        skips_damaged: bool,
    ) -> None:
        self._nc = nc
        self._js = nc.jetstream()
        self._place = place
        self._manifest = manifest
        self._partitions = partitions_in(manifest)
        self._erased = ErasedWords(manifest.erased)
        self._again = again
        self._progress = progress
        self._figures = RestoreFigures(place.name, made=manifest.ended)
        self._damaged = self._figures.damaged if skips_damaged else None

    async def run(self, provision: Provision) -> RestoreFigures:
        began_s = time.monotonic()
        _warn_of_interruption(self._manifest, self._progress)
        rows = {stream.name: stream for stream in streams(self._partitions)}
        if unknown := [name for name in self._manifest.streams if name not in rows]:
            raise CannotRestore(f"this version knows no stream {', '.join(unknown)}, which the backup has")
        await self._check_server()
        await self._begin(rows)
        try:
            await self._make_log(rows)
        except NotMapped:
            await self._undo_begin()
            raise
        for name, entry in self._manifest.streams.items():
            await self._stream(rows[name], entry)
        await self._end(provision)
        self._figures.took_s = round(time.monotonic() - began_s, 3)
        return self._figures

    async def _check_server(self) -> None:
        answer = await self._nc.request("$JS.API.INFO", timeout=5)
        level = json.loads(answer.data).get("api", {}).get("level", 0)
        if level < LEAST_API_LEVEL:
            version = self._nc.connected_server_version
            raise CannotRestore(
                f"this NATS ({version}) cannot tell consumers where to go on: restoring needs 2.14 or newer"
            )

    async def _make_log(self, rows: dict[str, Stream]) -> None:
        """Create the log's streams, and check that NATS sends each what is its own. Raises NotMapped, nats errors."""
        log = LogStreams(self._partitions)
        for name in log.names:
            if name in self._manifest.streams and await self._state(name) is None:
                entry = self._manifest.streams[name]
                await self._js.add_stream(_as_restored(rows[name], entry, SHORTEST_WINDOW_S, self._partitions))
        if all(name in self._manifest.streams for name in log.names):
            await check_mapped(self._nc, log)

    async def _begin(self, rows: dict[str, Stream]) -> None:
        """Mark the NATS as being restored; go on where a restore of this very backup was cut short."""
        # A NATS that was made ready for another number of partitions, without facts, is as good as an empty one.
        there = {row.name: row for row in streams((await streams_of_log(self._nc)).partitions)}
        mark = f"{self._manifest.id}:{self._manifest.runs}:{self._again.name}"
        try:
            begun = (await self._js.stream_info(RESTORING)).config.metadata or {}
        except NotFoundError:
            await self._check_empty(rows | there)
        else:
            if begun.get(MARK) == mark:
                self._progress("going on with the restore that was cut short")
                return
            self._progress("another restore was cut short here: beginning anew")
        for name in rows | there:
            await self._delete(name)
        forget_streams(self._nc)
        await self._delete(RESTORING)
        metadata = {MARK: mark, RESTORED_FROM: self._place.name}
        await self._js.add_stream(StreamConfig(name=RESTORING, storage=StorageType.FILE, metadata=metadata))

    async def _undo_begin(self) -> None:
        """Leave no restore that was cut short behind where nothing has been stored yet."""
        states = [await self._state(name) for name in self._manifest.streams]
        if any(state is not None and state[0] for state in states):
            return
        for name in (*self._manifest.streams, RESTORING):
            await self._delete(name)

    async def _state(self, name: str) -> tuple[int, int] | None:
        """Return how many messages a stream has, and its last sequence; None without it."""
        try:
            info = await self._js.stream_info(name)
        except NotFoundError:
            return None
        return info.state.messages, info.state.last_seq

    async def _check_empty(self, rows: dict[str, Stream]) -> None:
        for name, row in rows.items():
            state = await self._state(name)
            if state is None:
                continue
            if state != (0, 0) and row.storage == "file" and not row.max_age_s:
                raise NotEmpty(
                    f"stream {name} has {state[0]:,} messages, up to sequence {state[1]:,}: a backup is restored only "
                    "into a NATS without any. Give an empty folder with --into, or another NATS"
                )
            readers = [one.name for one in await self._js.consumers_info(name) if one.num_waiting or one.push_bound]
            if readers:
                raise CannotRestore(f"a system runs on this NATS ({', '.join(readers)}): stop it first")

    async def _delete(self, name: str) -> None:
        if await self._state(name) is not None:
            await self._js.delete_stream(name)

    async def _stream(self, row: Stream, entry: StreamEntry) -> None:
        restored = self._figures.streams[row.name] = Restored(last=entry.last)
        if await self._state(row.name) is None:
            await self._js.add_stream(_as_restored(row, entry, SHORTEST_WINDOW_S, self._partitions))
        gap = RESTORING_GAP.of(row.name)
        storing = Storing(self._nc, row.name, gap, (await self._js.stream_info(row.name)).state.last_seq)
        self._progress(f"{row.name}: {sum(chunk.messages for chunk in entry.chunks):,} messages")
        end_ns = _end_ns(entry)
        is_end = False
        batch: list[SavedMessage] = []
        size = 0
        async for message in self._wanted(row, entry, restored):
            if not is_end and message.stored_ns >= end_ns:
                is_end = True
                await storing.store(batch)
                batch, size = [], 0
                await storing.forgotten()
                await self._js.update_stream(_as_restored(row, entry, entry.window_s, self._partitions))
            batch.append(message)
            size += message.size
            if len(batch) >= AT_ONCE or size >= BATCH_BYTES:
                await storing.store(batch)
                batch, size = [], 0
        await storing.store(batch)
        await storing.fill(entry.last)
        await self._js.purge_stream(row.name, subject=gap)

    async def _wanted(self, row: Stream, entry: StreamEntry, restored: Restored) -> AsyncIterator[SavedMessage]:
        """Yield what is to be restored of a stream; what a restore that was cut short has stored is among it."""
        age_s = max_age_s(row, settings())
        oldest_ns = now_ns() - age_s * 1e9 if age_s else 0
        async for message in messages_in(self._place, entry, self._damaged):
            is_erased = self._erased.has(row.name, message) or self._again.leaves_out(row.name, message)
            if is_erased or message.stored_ns < oldest_ns:
                restored.left_out += 1
                continue
            restored.messages += 1
            restored.size += message.size
            yield message

    async def _end(self, provision: Provision) -> None:
        """Give streams and consumers their form, and let systems run here."""
        self._figures.erased_again = await self._again.append(self._nc)
        await provision()
        for consumer in self._manifest.consumers:
            await self._consumer(consumer)
        await self._delete(RESTORING)

    async def _consumer(self, consumer: ConsumerEntry) -> None:
        try:
            info = await self._js.consumer_info(consumer.stream, consumer.name)
        except NotFoundError:  # of an actor of the user's own
            info = await self._js.add_consumer(consumer.stream, ConsumerConfig.from_response(dict(consumer.config)))
        if info.config.deliver_policy != DeliverPolicy.ALL:
            return  # it begins with what is stored from now on
        request = json.dumps({"seq": consumer.floor + 1}).encode()
        answer = await self._nc.request(
            f"$JS.API.CONSUMER.RESET.{consumer.stream}.{consumer.name}", request, timeout=10
        )
        if problem := json.loads(answer.data).get("error"):
            raise CannotRestore(f"consumer {consumer.name} could not be set to {consumer.floor}: {problem}")
        self._figures.consumers += 1
