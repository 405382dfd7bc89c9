"""`daredevil backup` and `daredevil restore`: the log, recordings and tapes, copied elsewhere and put back."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import BAD_INPUT, fail, out, progress, run_async, warn

if TYPE_CHECKING:
    from nats.aio.client import Client

    from infra.backup.again_erased import ErasedAgain
    from infra.backup.chunk import BrokenBackup
    from infra.backup.copying import BackupFigures
    from infra.backup.place import BackupPlace
    from infra.backup.restoring import RestoreFigures

PLACE = "A folder, or a prefix of an object store: s3://bucket/prefix, gs://…, az://…"

MEND = (
    ". Where the log is still there, delete what is damaged and run `daredevil backup {place}`, which copies it again. "
    "Where it is not, restore with --skip-damaged, which leaves out nothing else"
)

PlaceName = Annotated[str, typer.Argument(metavar="PLACE", help=PLACE)]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object.")]


def backup(
    place: PlaceName,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be copied; write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy the log, recordings and tapes to a folder or an object store; the next time only what is new.

    Calls may go on meanwhile: what is copied is as after a power cut at the moment it began. If it is interrupted, run
    it again, and it goes on. What was erased since the last time is taken out of the backup. Files of the backup that
    are missing or cut short are copied again, as far as the log still has what was in them. An object store is reached
    with its usual variables (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL).

    Examples:
      daredevil backup /mnt/backup/daredevil

      daredevil backup s3://backups/daredevil --dry-run

    """
    from infra.backup.chunk import BrokenBackup
    from infra.cli.system import LogEmpty

    try:
        figures = run_async(_backup(place, dry_run))
    except LogEmpty as error:
        fail(str(error), BAD_INPUT)
    except BrokenBackup as error:
        fail(f"{place}: {error}{_remedy(place, error)}")
    if as_json:
        typer.echo(json.dumps(asdict(figures)))
    else:
        print_backup(figures)


async def _backup(name: str, is_dry_run: bool) -> "BackupFigures":
    from infra.backup.copying import back_up
    from infra.backup.place import BackupPlace
    from infra.cli.system import log_connection

    place = BackupPlace(name)
    async with log_connection() as nc:
        if is_dry_run:
            return await back_up(nc, place, progress, is_dry_run)
        with place.held():
            return await back_up(nc, place, progress)


def print_backup(figures: "BackupFigures") -> None:
    """Print what a backup did."""
    for name, copied in figures.streams.items():
        what = f"about {copied.messages:,}" if figures.is_dry_run else f"{copied.messages:,}"
        stored = "" if figures.is_dry_run else f", {copied.stored_size / 1e6:,.1f} MB stored"
        size = f"{copied.size / 1e6:,.1f} MB{stored}"
        out().print(f"{name:<12} {what} new messages ({size}), up to {copied.last:,}", markup=False)
    if figures.mended:
        what = "to be copied again by the next backup" if figures.is_dry_run else "copied again from the log"
        out().print(f"{_files(figures.mended)} missing or cut short: {what}")
    if figures.lost:
        warn(f"{figures.lost:,} messages of them are not in the log any more, and so are not in the backup either")
    if figures.rewritten:
        out().print(f"{figures.rewritten:,} files written anew, without what was erased")
    if figures.dropped:
        out().print(f"{figures.dropped:,} files removed, older than what the log keeps")
    state = "nothing was written" if figures.is_dry_run else f"backed up in {figures.took_s:.1f} s"
    out().print(f"{figures.place}: {state}", markup=False)


def restore(
    place: PlaceName,
    into: Annotated[
        Path | None, typer.Option(help="A data directory without a log; by default DAREDEVIL_DATA_DIR.", metavar="DIR")
    ] = None,
    receipts: Annotated[
        list[Path] | None,
        typer.Option(
            "--receipt",
            metavar="FILE",
            help="What `daredevil erase --json` printed since this backup: it stays erased. May be repeated.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check every file; write nothing.")] = False,
    skip_damaged: Annotated[
        bool, typer.Option("--skip-damaged", help="Leave out what is in files that are missing or damaged.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Restore a backup into a data directory without a log, or into the empty NATS of DAREDEVIL_NATS_URL.

    Sequences, bytes and ids are those of the original, so that tables, exports and replays come out the same; actors
    go on with what had not been handled. Nothing may run there meanwhile. If it is interrupted, run it again. Tables
    and topics follow when the system runs.

    Examples:
      daredevil restore /mnt/backup/daredevil --into /var/lib/daredevil

      daredevil restore s3://backups/daredevil --dry-run

      daredevil restore s3://backups/daredevil --receipt erased-sam.json

    """
    from infra.backup.chunk import BrokenBackup

    try:
        figures = run_async(_restore(place, into, receipts or [], dry_run, skip_damaged))
    except BrokenBackup as error:
        fail(f"{place}: {error}{_remedy(place, error)}")
    if as_json:
        typer.echo(json.dumps(asdict(figures)))
    else:
        print_restore(figures)
    if figures.damaged and dry_run:
        fail(f"{place}: {_files(len(figures.damaged))} missing or damaged{MEND.format(place=place)}")


def _files(count: int) -> str:
    return "1 file is" if count == 1 else f"{count:,} files are"


def _remedy(place: str, error: "BrokenBackup") -> str:
    """Return what can be done about a file that is missing or damaged, unless the error says it."""
    from infra.backup.chunk import DamagedFile

    return MEND.format(place=place) if isinstance(error, DamagedFile) else ""


async def _restore(
    name: str, into: Path | None, receipts: list[Path], is_dry_run: bool, skips_damaged: bool
) -> "RestoreFigures":
    from infra.backup.again_erased import erased_again
    from infra.backup.place import BackupPlace
    from infra.backup.restoring import check, complete_manifest

    place = BackupPlace(name)
    again = erased_again(receipts)
    manifest = await complete_manifest(place)
    if is_dry_run:
        return await check(place, manifest, progress)
    return await _into(into, place, again, skips_damaged)


async def _into(into: Path | None, place: "BackupPlace", again: "ErasedAgain", skips_damaged: bool) -> "RestoreFigures":
    from infra.backup.restoring import complete_manifest, partitions_in, restore
    from infra.log.provisioning import provision

    manifest = await complete_manifest(place)
    async with _target(into, partitions_in(manifest)) as nc:

        async def provisioned() -> None:
            await provision(nc.jetstream())

        return await restore(nc, place, manifest, provisioned, again, progress, skips_damaged)


@asynccontextmanager
async def _target(into: Path | None, partitions: int) -> "AsyncIterator[Client]":
    """Yield a connection to the NATS to restore into. Raises what `nats_connection` and `_nats_on` raise."""
    from infra.cli.system import nats_connection
    from infra.settings import settings

    url = settings().nats_url
    if into is None and url:
        async with nats_connection(url) as nc:
            yield nc
        return
    async with _nats_on(into or settings().data_dir, partitions) as nc:
        yield nc


@asynccontextmanager
async def _nats_on(data_dir: Path, partitions: int) -> "AsyncIterator[Client]":
    """Yield a connection to a server on this data directory; when it has ended, all is on disk.

    Raises DataDirInUse, DataDirUnusable, in the block DataDirUnusable if the disk is full.
    """
    from infra.cli.system import changed_settings, nats_connection
    from infra.system.lock import lock_data_dir
    from infra.system.own_nats import unsynced_nats
    from infra.system.synced import sync_folder

    lock = lock_data_dir(data_dir)
    try:
        with _disk_told(data_dir):
            async with unsynced_nats(data_dir, partitions=partitions) as server:
                # What the settings say of another NATS is not for this one.
                with changed_settings({"nats_url": ""}):
                    async with nats_connection(server.url) as nc:
                        yield nc
            await sync_folder(data_dir / "nats")
    finally:
        lock.release()


@contextmanager
def _disk_told(data_dir: Path) -> Iterator[None]:
    """Say that the disk is full where that is why NATS does not store. Raises DataDirUnusable."""
    from infra.backup.storing import NotStored
    from infra.cli.system import LogWentAway
    from infra.system.lock import DataDirUnusable
    from infra.system.log_disk import ROOM_BYTES, free_bytes

    try:
        yield
    except (NotStored, LogWentAway, OSError) as error:
        if free_bytes(data_dir) >= ROOM_BYTES:
            raise
        raise DataDirUnusable(
            f"the disk of {data_dir.absolute()} is full: make room, then restore again: it goes on"
        ) from error


def print_restore(figures: "RestoreFigures") -> None:
    """Print what a restore did."""
    for name, restored in figures.streams.items():
        left_out = f", {restored.left_out:,} left out" if restored.left_out else ""
        counts = f"{restored.messages:,} messages ({restored.size / 1e6:,.1f} MB)"
        out().print(f"{name:<12} {counts}, up to {restored.last:,}{left_out}", markup=False)
    for file in figures.damaged:
        warn(file if figures.is_dry_run else f"left out: {file}")
    if figures.erased_again:
        out().print(f"{figures.erased_again:,} sessions erased again")
    if figures.is_dry_run:
        if not figures.damaged:
            out().print(f"{figures.place}: the backup of {figures.made} is whole; nothing was written", markup=False)
        return
    out().print(f"the backup of {figures.made} is restored, in {figures.took_s:.1f} s", markup=False)
    out().print("next: `daredevil run`, then `daredevil projections verify` once tables have followed")
