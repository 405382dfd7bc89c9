"""Where a backup is: a folder, or a prefix of an object store (S3, Google Cloud Storage, Azure), by obstore."""

import asyncio
import fcntl
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import LocalStore, from_url

from infra.backup.chunk import BrokenBackup, DamagedFile
from infra.backup.manifest import MANIFEST, Manifest, read_manifest
from infra.backup.store_errors import NO_STORE, is_missing_object, is_page, reason
from infra.cannot_run import CannotRun

TIMEOUT_S = 60.0
RETRIES: Any = {"max_retries": 5, "retry_timeout": timedelta(seconds=30)}
"""A store that does not answer is asked for so long, by its library; it would be 3 minutes."""

SCHEMES = ("s3", "gs", "az")
LOCK = "lock"
T = TypeVar("T")


class PlaceUnusable(CannotRun):
    """The folder or store cannot be read or written; the message says why."""


class NoPlace(CannotRun):
    """What was named is neither a folder nor an object store that a backup can be in."""

    exit_code = 2


class NoBackup(CannotRun):
    """There is no backup at this place."""

    exit_code = 2


class BackupElsewhere(CannotRun):
    """Another backup writes to this place now."""


class BackupPlace:
    """A folder or a prefix. Raises PlaceUnusable from everything that reaches it; each request has a timeout."""

    def __init__(self, name: str) -> None:
        """Open `name`, a path or a URL such as `s3://bucket/prefix`. Raises PlaceUnusable, NoPlace."""
        self.name = name
        self._scheme = _scheme(name)
        self.folder = None if self._scheme else Path(name).absolute()
        self._etag: str | None = None
        with self._named():
            if self.folder is not None:
                self._store: Any = LocalStore(str(self.folder), mkdir=True) if self.folder.is_dir() else None
            else:
                # Addresses and keys come from the usual variables (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL). Who names an
                # address without TLS means it.
                options: Any = {"timeout": f"{TIMEOUT_S:g}s", "allow_http": True}
                self._store = from_url(name, client_options=options, retry_config=RETRIES)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other backups away from a folder, which is made if it is missing. Raises BackupElsewhere.

        In a store the manifest is replaced only if it is the one that was read.
        """
        if self.folder is None:
            yield
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise PlaceUnusable(f"{self.name} cannot be written: {reason(error, '')}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._store = LocalStore(str(self.folder))
            yield
        except BlockingIOError as error:
            raise BackupElsewhere(f"another backup writes to {self.name} now: wait until it has ended") from error
        finally:
            os.close(lock)

    async def manifest(self) -> Manifest | None:
        """Return the manifest, None if there is no backup. Raises BrokenBackup."""
        if self._store is None:
            return None
        with self._named():
            try:
                found = await obstore.get_async(self._store, MANIFEST)
            except FileNotFoundError as error:
                if not is_missing_object(error):
                    raise
                return None
            self._etag = found.meta["e_tag"]
            data = bytes(await found.bytes_async())
            if self._scheme and is_page(data):
                raise PlaceUnusable(f"{self.name} cannot be used: {NO_STORE}")
            return read_manifest(data)

    async def save_manifest(self, manifest: Manifest) -> None:
        """Replace the manifest, atomically. Raises BackupElsewhere if another backup has replaced it."""
        data = manifest.dump()
        if self.folder is not None:
            await self.write(MANIFEST, data)
            return
        mode: Any = {"e_tag": self._etag} if self._etag else "create"
        with self._named():
            try:
                self._etag = (await obstore.put_async(self._store, MANIFEST, data, mode=mode))["e_tag"]
            except (PreconditionError, AlreadyExistsError) as error:
                raise BackupElsewhere(f"another backup has written to {self.name} meanwhile: run this again") from error

    async def write(self, file: str, data: bytes) -> None:
        """Store a file, whole or not at all, on disk when this returns."""
        with self._named():
            await obstore.put_async(self._store, file, data)
            if self.folder is not None:
                await asyncio.to_thread(_sync, self.folder / file)

    async def read(self, file: str) -> bytes:
        """Return a file with messages. Raises DamagedFile if there is none."""
        with self._named():
            try:
                return bytes(await (await obstore.get_async(self._store, file)).bytes_async())
            except FileNotFoundError as error:
                raise DamagedFile(f"{file} is missing in {self.name}") from error

    async def delete(self, files: list[str]) -> None:
        """Remove files."""
        with self._named():
            if files:
                await obstore.delete_async(self._store, files)

    async def files(self, wanted: Callable[[str], bool]) -> AsyncIterator[tuple[str, int]]:
        """Yield name and size (bytes) of the files whose names are wanted."""
        if self._store is None:
            return
        with self._named():
            async for page in obstore.list(self._store):
                for found in page:
                    if wanted(found["path"]):
                        yield found["path"], found["size"]

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Say in a sentence why the place could not be used."""
        try:
            yield
        except (BrokenBackup, CannotRun):
            raise
        except (BaseError, OSError, ValueError, NotImplementedError) as error:
            raise PlaceUnusable(f"{self.name} cannot be used: {reason(error, self._scheme)}") from error


def _scheme(name: str) -> str:
    """Return the scheme of a store's URL, empty for a folder. Raises NoPlace."""
    scheme, is_url, rest = name.partition("://")
    if not is_url:
        return ""
    if scheme not in SCHEMES or not re.match(r"[^/]", rest):
        raise NoPlace(
            f"{name} is no place for a backup: give a folder by its path, or s3://bucket/prefix, gs://bucket/prefix, "
            "az://container/prefix"
        )
    return scheme


def _sync(path: Path) -> None:
    for each in (path, path.parent):
        file = os.open(each, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
