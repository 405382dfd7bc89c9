"""A chunk of a backup: some megabytes of one stream's messages, readable with any zstd and MessagePack."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgpack
import zstandard

from contracts.topology import is_fact_subject, session_of
from infra.log.clock import time_ns_of
from infra.log.dead_letters import SUBJECT_HEADER
from infra.log.stream_reader import STORED_HEADER, StoredMessage

LEVEL = 6
NOT_KEPT = ("nats-stream", "nats-subject", "nats-sequence", "nats-time-stamp", "nats-num-pending", "nats-last-sequence")
"""Headers with which the server says what it read; the fields of a saved message say the same."""

NOT_ASKED_AGAIN = "nats-expected-"
"""Headers that asked the server to compare something when the message was stored."""


class BrokenBackup(ValueError):
    """A file of a backup is missing or damaged; the message names it."""


class DamagedFile(BrokenBackup):
    """It is one of the files with messages."""


@dataclass(frozen=True, slots=True)
class SavedMessage:
    """A message as its stream had it. `stored` is when, RFC 3339 with ns, by the clock of NATS."""

    sequence: int
    stored: str
    subject: str
    headers: dict[str, str]
    data: bytes

    @property
    def size(self) -> int:
        """About how many bytes it has."""
        return len(self.data) + len(self.subject) + sum(len(name) + len(text) for name, text in self.headers.items())

    @property
    def stored_ns(self) -> int:
        """`stored` as Unix epoch ns, exact to the microsecond."""
        return time_ns_of(self.stored)

    @property
    def session_id(self) -> str:
        """Whose it is, empty if nobody's: of a dead letter the session of the fact that it holds."""
        subject = self.headers.get(SUBJECT_HEADER, self.subject)
        return session_of(subject) if "." in subject else ""

    @property
    def is_fact(self) -> bool:
        """Whether it is a message of the log itself."""
        return is_fact_subject(self.subject)


def saved(message: StoredMessage) -> SavedMessage:
    """Return what a backup keeps of a stored message."""
    headers = {name: text for name, text in message.headers.items() if _is_kept(name)}
    return SavedMessage(message.sequence, message.stored, message.subject, headers, message.data)


def _is_kept(name: str) -> bool:
    return name.lower() not in NOT_KEPT and not name.lower().startswith(NOT_ASKED_AGAIN) and name != STORED_HEADER


def pack(messages: Iterable[SavedMessage]) -> bytes:
    """Return a chunk: zstd of one MessagePack array a message, `[sequence, stored, subject, headers, data]`."""
    packer = msgpack.Packer()
    rows = [packer.pack((one.sequence, one.stored, one.subject, one.headers, one.data)) for one in messages]
    return zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compress(b"".join(rows))


def unpack(name: str, data: bytes, sha256: str) -> Iterator[SavedMessage]:
    """Yield the messages of the chunk with this file name. Raises DamagedFile."""
    if digest(data) != sha256:
        raise DamagedFile(f"{name} is damaged: its SHA-256 is not the one in the manifest")
    try:
        unpacker = msgpack.Unpacker(max_buffer_size=0)
        unpacker.feed(zstandard.ZstdDecompressor().decompress(data))
        for sequence, stored, subject, headers, body in unpacker:
            yield SavedMessage(sequence, stored, subject, headers, body)
    except (zstandard.ZstdError, ValueError, TypeError) as error:
        raise DamagedFile(f"{name} cannot be read: {error}") from error


def digest(data: bytes) -> str:
    """Return the SHA-256 of a file, as in the manifest."""
    return hashlib.sha256(data).hexdigest()
