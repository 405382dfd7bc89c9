"""Compares every topic with the log, event by event."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pulsar
from nats.aio.client import Client

from contracts.codec import Undecodable
from contracts.events import SessionErased
from contracts.topology import VOICE, event_subjects, session_of
from infra.settings import Settings
from projections.known_events import FromTheFuture
from projections.log_reader import log_until
from projections.pulsar.access import NoAccess
from projections.pulsar.comparison import Comparison, Kept
from projections.pulsar.routing import PRODUCERS, TopicMessage, messages_of
from projections.pulsar.row import PULSAR
from projections.pulsar.topics import PulsarAway, connect
from projections.status import ask_status, log_end, log_ends

PATIENCE_S = 30.0
READ_TIMEOUT_MS = 5000
BATCH = 500


async def verify(settings: Settings, nc: Client) -> list[str]:
    """Return how the topics differ from the log; empty if they agree.

    Waits until a running projection has reached the log's end at the start. A topic may lack what is older than
    the retention, and may still have the facts of erased sessions. Raises nats errors.
    """
    if len(await log_ends(nc)) > 1:
        return ["the log has several partitions, and topics are written from one (docs/scale.md)"]
    end = await log_end(nc)
    await _wait_for(nc, end)
    erased = [session_of(fact.subject) async for fact in log_until(nc, end, event_subjects(SessionErased))]
    first = (await nc.jetstream().stream_info(VOICE)).state.first_seq
    expired_s = time.time() - settings.pulsar_retention_hours * 3600
    try:
        client = connect(settings)
    except (PulsarAway, NoAccess) as error:
        return [str(error)]
    differences: list[str] = []
    try:
        for topic in PRODUCERS:
            comparison = Comparison(topic.rpartition("/")[2], frozenset(erased), first)
            await _compare(nc, client, topic, end, expired_s, comparison)
            differences += comparison.lines()
    except (pulsar.PulsarException, FromTheFuture) as error:
        differences.append(f"the topics cannot be compared: {error}")
    finally:
        await asyncio.to_thread(client.shutdown)
    return differences


async def _wait_for(nc: Client, end: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        statuses = await ask_status(nc, PULSAR.process, 0.3)
        at_work = [status for status in statuses if status.state in ("live", "catching up")]
        if not at_work or at_work[0].position >= end:
            return


async def _compare(nc: Client, client: Any, topic: str, end: int, expired_s: float, comparison: Comparison) -> None:
    """Compare both in the order of sequences. Raises PulsarException, FromTheFuture, nats errors."""
    topic_messages = kept_messages(client, topic)
    kept = await anext(topic_messages, None)
    nothing_yet = True
    async for stored_s, expected in _expected(nc, topic, end):
        while kept is not None and kept.sequence < expected.sequence:
            nothing_yet = False
            comparison.extra(kept)
            kept = await anext(topic_messages, None)
        if kept is not None and kept.sequence == expected.sequence:
            nothing_yet = False
            comparison.same(expected, kept)
            kept = await anext(topic_messages, None)
        elif not (nothing_yet and stored_s < expired_s):
            comparison.missing(expected)
    while kept is not None:
        if kept.sequence <= end:
            comparison.extra(kept)
        kept = await anext(topic_messages, None)


async def _expected(nc: Client, topic: str, end: int) -> AsyncIterator[tuple[float, TopicMessage]]:
    """Yield what a topic should have, each with when its fact was stored (Unix epoch)."""
    async for fact in log_until(nc, end):
        try:
            messages = messages_of(fact)
        except Undecodable:
            continue
        for message in messages:
            if message.topic == topic:
                yield fact.stored_ns / 1e9, message


async def kept_messages(client: Any, topic: str) -> AsyncIterator[Kept]:
    """Yield a topic's messages from the first to the last. Raises PulsarException."""
    reader = await asyncio.to_thread(client.create_reader, topic, pulsar.MessageId.earliest)
    try:
        while batch := await asyncio.to_thread(_read, reader):
            for kept in batch:
                yield kept
    finally:
        await asyncio.to_thread(reader.close)


def _read(reader: Any) -> list[Kept]:
    batch: list[Kept] = []
    while len(batch) < BATCH and reader.has_message_available():
        message = reader.read_next(READ_TIMEOUT_MS)
        batch.append(Kept(message.data(), message.partition_key(), message.properties(), message.event_timestamp()))
    return batch
