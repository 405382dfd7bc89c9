"""The manifest of a backup: which files it has, what is in them, and how far it has got."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.backup.chunk import BrokenBackup, SavedMessage

FORMAT = 1
MANIFEST = "manifest.json"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ChunkEntry(_Part):
    """A file: messages of one stream, sequences `first` to `last` with gaps. `size` is before compression, in bytes."""

    file: str
    first: int
    last: int
    messages: int
    size: int
    stored_size: int
    sha256: str
    newest: str
    """When its last message was stored."""
    sessions: list[str] = Field(default_factory=list)
    """Whose messages are in it; empty for the log itself, where an erasure names sequences."""


class StreamEntry(_Part):
    """A stream: the origin had messages from `first` on, and everything up to `last` is in the chunks."""

    first: int = 1
    last: int = 0
    window_s: float = 120
    """For how long its NATS refused an id that it had stored."""
    tail: str = ""
    """SHA-256 of subject and data of its last message: a backup goes on only from the log that has it."""
    tail_sequence: int = 0
    chunks: list[ChunkEntry] = Field(default_factory=list)


class ConsumerEntry(_Part):
    """A durable consumer: up to `floor` everything was handled when the backup was made."""

    stream: str
    name: str
    floor: int
    config: dict[str, Any]


class ErasedEntry(_Part):
    """An erased session: which sequences of `stream` had its words. `is_done`: no chunk has them any more."""

    session_id: str
    stream: str
    sequences: list[tuple[int, int]]
    is_done: bool = False


class Manifest(_Part):
    """What `manifest.json` holds. `runs` counts the backups that were completed; `is_complete` says of the last one."""

    format: int = FORMAT
    id: str
    made_by: str = ""
    runs: int = 0
    is_complete: bool = False
    ended: str = ""
    streams: dict[str, StreamEntry] = Field(default_factory=dict)
    consumers: list[ConsumerEntry] = Field(default_factory=list)
    erased: list[ErasedEntry] = Field(default_factory=list)

    def files(self) -> set[str]:
        """Return the names of all chunks."""
        return {chunk.file for entry in self.streams.values() for chunk in entry.chunks}

    def dump(self) -> bytes:
        """Return its bytes."""
        return self.model_dump_json(indent=1).encode()


def read_manifest(data: bytes) -> Manifest:
    """Return the manifest in `data`. Raises BrokenBackup."""
    try:
        found = Manifest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        why = ": ".join((*map(str, first["loc"]), first["msg"]))
        raise BrokenBackup(
            f"{MANIFEST} is damaged, not of a backup, or of a newer version of this program ({why}). Put back a copy "
            "of it, or choose another place"
        ) from error
    if found.format != FORMAT:
        raise BrokenBackup(f"{MANIFEST} has format {found.format}; this version reads format {FORMAT}")
    return found


def ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return numbers as ranges, first and last included."""
    found: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


class ErasedWords:
    """Which messages have words that were erased."""

    def __init__(self, entries: Iterable[ErasedEntry]) -> None:
        self._sessions: set[str] = set()
        self._sequences: dict[str, set[int]] = {}
        self._sorted: dict[str, list[int]] = {}
        for entry in entries:
            self.add(entry)

    def add(self, entry: ErasedEntry) -> None:
        """Take in one more entry."""
        self._sessions.add(entry.session_id)
        self._sequences.setdefault(entry.stream, set()).update(_numbers(entry))
        self._sorted.pop(entry.stream, None)

    def has(self, stream: str, message: SavedMessage) -> bool:
        """Return whether a message of a stream is one of them."""
        if message.is_fact:
            return message.sequence in self._sequences.get(stream, ())
        return message.session_id in self._sessions

    def may_be_in(self, stream: str, chunk: ChunkEntry) -> bool:
        """Return whether a chunk may have such messages."""
        numbers = self._sorted.setdefault(stream, sorted(self._sequences.get(stream, ())))
        at = bisect_left(numbers, chunk.first)
        return (at < len(numbers) and numbers[at] <= chunk.last) or not self._sessions.isdisjoint(chunk.sessions)


def _numbers(entry: ErasedEntry) -> Iterator[int]:
    for first, last in entry.sequences:
        yield from range(first, last + 1)
