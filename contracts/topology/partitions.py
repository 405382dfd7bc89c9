"""The log in partitions: one stream, or several, each with the facts of some sessions.

With one partition the log is the stream `VOICE`, which takes facts on the subjects on which they are published. With
more, NATS gives each session to a stream `VOICE_0` … by the hash of its id: a mapping in the configuration of the
server, `mapping`, sends what is published on `voice.…` to `fact.<partition>.…`, and the stream of that partition
stores it as `voice.…` again. So publishers, readers and consumers use the same subjects whatever the number.
"""

from dataclasses import replace

from contracts.topology.addresses import Address
from contracts.topology.facts import FACTS, session_of
from contracts.topology.streams import STREAMS, VOICE, Stream

MAPPED = Address("fact.{partition}.{session}.{noun}.{state}")
"""Where a fact arrives when the log has several partitions: nobody publishes there, but users of NATS need the right
to, because NATS asks for it after it has mapped a subject."""

_FNV_OFFSET, _FNV_PRIME, _32_BITS = 0x811C9DC5, 0x01000193, 0xFFFFFFFF


def partition_of(session_id: str, partitions: int) -> int:
    """Return a session's partition as NATS computes it (`partition(n,1)`): FNV-1a of 32 bits, modulo their number."""
    found = _FNV_OFFSET
    for byte in session_id.encode():
        found = ((found ^ byte) * _FNV_PRIME) & _32_BITS
    return found % partitions


def log_streams(partitions: int) -> tuple[str, ...]:
    """Return the names of the log's streams, in the order of their partitions."""
    return (VOICE,) if partitions == 1 else tuple(f"{VOICE}_{number}" for number in range(partitions))


def log_stream(subject: str, partitions: int) -> str:
    """Return the stream that has the facts on a subject: `voice.…` with a session in it, not a wildcard."""
    return VOICE if partitions == 1 else f"{VOICE}_{partition_of(session_of(subject), partitions)}"


def streams(partitions: int) -> tuple[Stream, ...]:
    """Return all streams, the log's first, for a log with so many partitions."""
    log, *others = STREAMS
    if partitions == 1:
        return STREAMS
    return (*(_partition(log, number) for number in range(partitions)), *others)


def kept_streams(partitions: int) -> tuple[str, ...]:
    """Return what a backup has, the log first: what the others hold is of the facts in it, stored before or after."""
    return tuple(row.name for row in streams(partitions) if row.storage == "file" and not row.max_age_s)


def mapping(partitions: int) -> tuple[str, str]:
    """Return what the server has to map, and to where. Empty texts with one partition: nothing."""
    if partitions == 1:
        return "", ""
    return FACTS.pattern, mapped_subjects(f"{{{{partition({partitions},1)}}}}", "$1", "$2.$3")


def mapped_subjects(partition: str = "*", session: str = "*", tail: str = "*.*") -> str:
    """Return where facts arrive, each part as it is given: `*` for all."""
    noun, _, state = tail.partition(".")
    return MAPPED.text.format(partition=partition, session=session, noun=noun, state=state)


def _partition(log: Stream, number: int) -> Stream:
    arrives = mapped_subjects(str(number))
    return replace(
        log,
        name=f"{VOICE}_{number}",
        description=f"{log.description} Partition {number}.",
        subjects=(arrives,),
        transform=(arrives, FACTS.text.format(session="$1", noun="$2", state="$3")),
        partition_of=VOICE,
    )
