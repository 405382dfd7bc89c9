"""What copies of an actor took in of a session, as it is in the journal: for tests that need no gaps."""

from collections import defaultdict

from faststream.nats import NatsBroker

from contracts.journal import JournalChunk, decode_chunk
from contracts.topology import JOURNAL, journal_subject
from infra.log.connection import connection
from infra.log.stream_reader import stored_messages
from infra.replay.schedule import TapedStretch
from tests.waiting import until_async


async def stretches(broker: NatsBroker, session_id: str, actor: str, last_sequence: int) -> list[TapedStretch]:
    """Return the whole tape of each copy once one of them has taken in a fact."""
    found: dict[str, list[JournalChunk]] = defaultdict(list)

    async def is_written() -> bool:
        found.clear()
        subject = journal_subject(session_id, actor)
        async for message in stored_messages(connection(broker), JOURNAL, subject):
            chunk = decode_chunk(message.subject, message.data)
            found[chunk.instance].append(chunk)
        return any(chunk.basis >= last_sequence for chunks in found.values() for chunk in chunks)

    await until_async(is_written)
    for chunks in found.values():
        assert [chunk.n for chunk in chunks] == list(range(len(chunks)))
        assert chunks[-1].idle
    return [
        TapedStretch(actor, instance, tuple(each for chunk in chunks for each in chunk.deliveries))
        for instance, chunks in found.items()
    ]
