"""What recording costs: bytes of the tapes of real calls, by actor and kind, and the CPU time of writing them."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgpack
from nats.aio.client import Client

from contracts.journal import JournalChunk, decode_chunk
from contracts.topology import JOURNAL, journal_subject, session_subjects
from infra.log.log_streams import log_messages
from infra.log.stream_reader import StoredMessage, stored_messages
from infra.tape.live import LiveTapes

RECORD_BYTES = 30
"""What the file store adds to a message and its subject: lengths, sequence, time and checksum."""


@dataclass(slots=True)
class JournalFigures:
    """Bytes of tapes and of facts, per second of the calls; CPU time as a share of one core.

    `stored` is what the chunks take on disk with their subjects, before the stream's own compression; `raw` what the
    deliveries would take as plain MessagePack.
    """

    sessions: int = 0
    call_s: float = 0.0
    chunks: int = 0
    deliveries: int = 0
    raw_bytes: int = 0
    chunk_bytes: int = 0
    stored_bytes: int = 0
    fact_bytes: int = 0
    missing: int = 0
    """Chunks that were lost, by the gaps in their numbers."""
    cpu_s: float = 0.0
    by_actor: dict[str, int] = field(default_factory=dict)
    """Chunk bytes."""
    by_kind: dict[str, int] = field(default_factory=dict)
    """Raw bytes, by actor and kind."""

    def per_s(self, amount: float) -> float:
        """Return an amount per second of call."""
        return amount / self.call_s if self.call_s else 0.0

    def lines(self) -> list[str]:
        """Return the figures as text."""
        found = [
            f"{self.sessions} calls, {self.call_s:.0f} s: {self.chunks} chunks, {self.missing} lost, "
            f"{self.per_s(self.deliveries):.0f} deliveries/s",
            f"journal  {self.per_s(self.chunk_bytes):.0f} B/s of call in chunks, {self.per_s(self.stored_bytes):.0f} "
            f"with subjects and record headers, {self.per_s(self.raw_bytes):.0f} raw; "
            f"facts {self.per_s(self.fact_bytes):.0f}",
            f"CPU      {self.per_s(self.cpu_s) * 100:.3f} % of a core a call",
        ]
        found += [
            f"  {actor:14} {self.per_s(size):7.1f} B/s in chunks"
            for actor, size in Counter(self.by_actor).most_common()
        ]
        found += [
            f"  {kind:28} {self.per_s(size):7.1f} B/s raw" for kind, size in Counter(self.by_kind).most_common(16)
        ]
        return found


async def journal_figures(nc: Client, session_ids: Sequence[str]) -> JournalFigures:
    """Measure the tapes of sessions that have ended. Raises what `stored_messages` raises."""
    figures = JournalFigures()
    for session_id in session_ids:
        facts = [message async for message in log_messages(nc, session_subjects(session_id))]
        chunks = [message async for message in stored_messages(nc, JOURNAL, journal_subject(session_id, "*"))]
        await _add(figures, facts, chunks)
    return figures


async def _add(figures: JournalFigures, facts: list[StoredMessage], messages: list[StoredMessage]) -> None:
    times = [msgpack.unpackb(fact.data)["time_ns"] for fact in facts]
    figures.sessions += 1
    figures.call_s += (max(times) - min(times)) / 1e9 if times else 0.0
    figures.fact_bytes += sum(len(fact.data) for fact in facts)
    chunks = [decode_chunk(message.subject, message.data) for message in messages]
    for message, chunk in zip(messages, chunks, strict=True):
        figures.chunks += 1
        figures.deliveries += len(chunk.deliveries)
        figures.chunk_bytes += len(message.data)
        figures.stored_bytes += len(message.data) + len(message.subject) + RECORD_BYTES
        figures.by_actor[chunk.actor] = figures.by_actor.get(chunk.actor, 0) + len(message.data)
        for each in chunk.deliveries:
            size = len(msgpack.packb((each.at_ns, each.kind, each.payload)))
            figures.raw_bytes += size
            kind = f"{chunk.actor} {each.kind}"
            figures.by_kind[kind] = figures.by_kind.get(kind, 0) + size
    figures.missing += _missing(chunks)
    figures.cpu_s += await writing_s(chunks)


def _missing(chunks: Sequence[JournalChunk]) -> int:
    last: dict[str, int] = {}
    missing = 0
    for chunk in chunks:
        missing += max(0, chunk.n - last.get(chunk.instance, -1) - 1)
        last[chunk.instance] = chunk.n
    return missing


async def writing_s(chunks: Sequence[JournalChunk]) -> float:
    """Return the CPU time in s of noting these deliveries again and making the same chunks of them."""

    async def publish(session_id: str, chunk: bytes) -> bool:
        return True

    begun_s = time.process_time()
    tapes = LiveTapes("bench", "bench-0000", "bench", publish, time.time_ns)
    for chunk in chunks:
        tape = tapes.of(chunk.session_id)
        for each in chunk.deliveries:
            tape.took(each.kind, each.payload)
        await tapes.finish()
        await asyncio.sleep(0)
    return time.process_time() - begun_s
