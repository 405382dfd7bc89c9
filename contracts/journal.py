"""The tape on the bus: chunks of what one copy of an actor took in of one session, in the order it took it in.

A chunk travels on `journal.<session>.<actor>` and is stored in the stream JOURNAL. Its bytes are the format's version
and a raw deflate stream, with a preset dictionary, of a MessagePack array. Deliveries are written as columns
(`contracts.journal_columns`): for each kind its payloads, for each delivery its kind and its time.
"""

import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgpack

from contracts.ids import is_id
from contracts.journal_columns import BadColumn, column_of, differences, is_hexadecimal, values_of
from contracts.topology import JOURNAL_CHUNK

VERSION = 4
"""First byte of a chunk. Version 1 had another dictionary, and fewer forms of columns. Version 2 does not say of a read
of the log whose it is, version 3 not which subjects it is about, nor that it was given up."""

_SINCE_2 = (Path(__file__).parent / "journal-2.dictionary").read_bytes()

DICTIONARIES = {1: (Path(__file__).parent / "journal.dictionary").read_bytes(), 2: _SINCE_2, 3: _SINCE_2, 4: _SINCE_2}
"""What deflate may refer to from the first byte on: a chunk is too short to repeat itself.

Chunks as they were before compression, at random from recorded calls: 32 kB of 24 calls, three quarters of them with
real engines, for version 1 8 kB of others. Calls that are not in it take 16 to 37 % less than in version 1. It belongs
to the version: a chunk can only be read with the bytes that it was written with.
"""

MAX_PAYLOAD_BYTES = 256_000
"""Longest payload of one delivery, in MessagePack: a model's whole answer fits many times."""

COMMON_KINDS = (
    *("handled", "live", "fact", "taken", "read", "appended", "stale", "unstored"),
    *("asked", "answer", "part", "end", "failed"),
    *("tick", "report", "more", "frame"),
)
"""Kinds that are written as their place here. More may follow at the end; none may go or move."""

_PLACES = {kind: place for place, kind in enumerate(COMMON_KINDS)}

MAX_KINDS = 256
"""How many kinds of deliveries a chunk can hold: one byte says which."""

MAX_UNPACKED_BYTES = 4_000_000
"""More than a writer makes: whatever inflates to more is no chunk."""


class BadChunk(ValueError):
    """The bytes are not a chunk of a tape."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something that was handed to an actor's code.

    `at_ns` is on the clock of facts (Unix epoch ns, in whole microseconds), `payload` as MessagePack has it.
    """

    at_ns: int
    kind: str
    payload: Any = None


@dataclass(frozen=True, slots=True)
class JournalChunk:
    """Deliveries of one session to one copy of an actor, without a gap.

    `n` counts the chunks of the session and instance from 0: a chunk was lost where a number is missing or does not
    rise. `build` is the version of the program. `basis` is the last sequence of the session that the copy had taken in
    at the chunk's end. `idle`: at that moment nothing was in progress, no handler and no request, so that what comes
    next depends only on the log up to `basis`. `version` is that of the bytes that it was read from.
    """

    session_id: str
    actor: str
    instance: str
    build: str
    n: int
    basis: int
    idle: bool
    deliveries: tuple[Delivery, ...]
    version: int = field(default=VERSION, compare=False)


class ChunkWriter:
    """Collects deliveries in the form in which they are stored, so that their size is known."""

    def __init__(self) -> None:
        self.deliveries = 0
        self.size = 0
        """About how many bytes the deliveries take, before they are compressed."""
        self._times_us: list[int] = []
        self._kinds: dict[str, int] = {}
        self._order = bytearray()
        self._columns: list[list[int | bytes]] = []

    def add(self, at_ns: int, kind: str, payload: Any) -> None:
        """Note a delivery.

        Raises ValueError if the payload is not plain or too long, or the chunk has too many kinds; then nothing is
        noted.
        """
        at_us = int(at_ns) // 1000
        packed = payload if type(payload) is int and -_INT64 <= payload < _INT64 else _packed(payload)
        place = self._kinds.get(kind)
        if place is None:
            if len(self._kinds) == MAX_KINDS:
                raise ValueError(f"a chunk holds at most {MAX_KINDS} kinds of deliveries")
            place = self._kinds[kind] = len(self._columns)
            self._columns.append([])
            self.size += len(kind) + 4
        self._columns[place].append(packed)
        self._order.append(place)
        self._times_us.append(at_us)
        self.deliveries += 1
        self.size += 4 + (2 if isinstance(packed, int) else len(packed))

    def bytes(self, instance: str, build: str, n: int, basis: int, idle: bool) -> bytes:
        """Return the chunk with these fields of `JournalChunk`."""
        packer = msgpack.Packer()
        parts = [packer.pack_array_header(len(_FIELDS))]
        kinds = [_written_kind(kind) for kind in self._kinds]
        for each in (instance, build, n, basis, idle, kinds, bytes(self._order)):
            parts.append(packer.pack(each))
        parts.append(packer.pack(differences(self._times_us)))
        parts.append(packer.pack([column_of([_payload(each) for each in column]) for column in self._columns]))
        deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS, zdict=DICTIONARIES[VERSION])
        return bytes([VERSION]) + deflate.compress(b"".join(parts)) + deflate.flush()


def encode_chunk(chunk: JournalChunk) -> bytes:
    """Return the chunk's bytes; the session and the actor are in its subject. Raises ValueError like `ChunkWriter`."""
    writer = ChunkWriter()
    for delivery in chunk.deliveries:
        writer.add(delivery.at_ns, delivery.kind, delivery.payload)
    return writer.bytes(chunk.instance, chunk.build, chunk.n, chunk.basis, chunk.idle)


def decode_chunk(subject: str, data: bytes) -> JournalChunk:
    """Return the chunk that `data` on `subject` holds. Raises BadChunk with the reason."""
    tokens = subject.split(".")
    if len(tokens) != len(JOURNAL_CHUNK.address.text.split(".")) or not all(is_id(token) for token in tokens):
        raise BadChunk(f"{subject!r} is not a subject of a tape")
    if not data or data[0] not in DICTIONARIES:
        raise BadChunk(f"version {data[0]} is newer than this build reads" if data else "no bytes")
    fields = _unpacked(data[1:], DICTIONARIES[data[0]])
    if len(fields) != len(_FIELDS) or any(type(field) is not kind for field, kind in zip(fields, _FIELDS, strict=True)):
        raise BadChunk("its fields are not those of a chunk")
    instance, build, n, basis, idle, kinds, order, times, columns = fields
    if min(n, basis) < 0 or len(columns) != len(kinds):
        raise BadChunk("its fields are not those of a chunk")
    try:
        deliveries = _deliveries([_kind(kind) for kind in kinds], order, times, columns)
    except BadColumn as error:
        raise BadChunk(str(error)) from error
    return JournalChunk(tokens[1], tokens[2], instance, build, n, basis, idle, deliveries, data[0])


def _written_kind(kind: str) -> int | str | list[str | bytes]:
    """Return a kind's place among the common ones, or itself; one of a track (`sound:<id>`) with its id as bytes."""
    name, colon, of_what = kind.partition(":")
    if kind not in _PLACES and colon and is_hexadecimal(of_what):
        return [name, bytes.fromhex(of_what)]
    return _PLACES.get(kind, kind)


def _kind(written: Any) -> str:
    match written:
        case bool():
            pass
        case int() if 0 <= written < len(COMMON_KINDS):
            return COMMON_KINDS[written]
        case str():
            return written
        case [str() as name, bytes() as of_what]:
            return f"{name}:{of_what.hex()}"
    raise BadChunk("a delivery of a kind that this build does not know")


_FIELDS = (str, str, int, int, bool, list, bytes, bytes, list)


def _deliveries(kinds: list[str], order: bytes, times: bytes, columns: list[Any]) -> tuple[Delivery, ...]:
    if any(place >= len(kinds) for place in order):
        raise BadChunk("a delivery of a kind that is not named")
    payloads = [iter(values_of(column, order.count(place))) for place, column in enumerate(columns)]
    times_us = values_of(times, len(order))
    return tuple(
        Delivery(at_us * 1000, kinds[place], next(payloads[place]))
        for place, at_us in zip(order, times_us, strict=True)
    )


_INT64 = 2**63


def _packed(payload: Any) -> bytes:
    try:
        packed = bytes(msgpack.packb(payload))
    except (TypeError, ValueError, OverflowError) as error:  # UnicodeEncodeError is a ValueError
        raise ValueError(f"a payload that MessagePack cannot hold: {error}") from error
    if type(payload) is int:
        raise ValueError(f"a payload of more than 64 bits: {payload}")
    if len(packed) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"a payload of {len(packed)} bytes is over the limit of {MAX_PAYLOAD_BYTES}")
    return packed


def _payload(noted: int | bytes) -> Any:
    return noted if isinstance(noted, int) else msgpack.unpackb(noted, strict_map_key=False)


def _unpacked(data: bytes, dictionary: bytes) -> list[Any]:
    inflate = zlib.decompressobj(wbits=-zlib.MAX_WBITS, zdict=dictionary)
    try:
        body = inflate.decompress(data, MAX_UNPACKED_BYTES)
        fields = msgpack.unpackb(body, strict_map_key=False) if inflate.eof else None
    except Exception as error:  # msgpack raises many exceptions without a documented base class
        raise BadChunk(f"neither deflate nor MessagePack: {error!r}") from error
    if not isinstance(fields, list):
        raise BadChunk("it breaks off, or is too long" if fields is None else "an array was expected")
    return fields
