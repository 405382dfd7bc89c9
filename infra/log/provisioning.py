"""Streams and durable consumers, created from the topology: idempotent, so every process may call it."""

import asyncio
import logging

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RePublish,
    StorageType,
    StoreCompression,
    StreamConfig,
)
from nats.js.errors import APIError, NotFoundError

from contracts.topology import AUDIO, DURABLES, JOURNAL, RECORDINGS, STREAMS, VOICE, Durable, Stream
from infra.settings import Settings, settings

log = logging.getLogger(__name__)

DAY_S = 86_400

NO_ROOM = 10047
"""JetStream's error code: the stream may grow larger than what is left of the server's storage."""


def max_age_s(stream: Stream, settings: Settings) -> float:
    """Return the age in seconds at which messages leave a stream: the setting's, else the topology's; 0 keeps them."""
    ages = {
        VOICE: settings.log_retention_days * DAY_S,
        AUDIO: settings.audio_retention_s,
        RECORDINGS: settings.recording_retention_days * DAY_S,
        JOURNAL: _sooner(settings.journal_retention_days, settings.log_retention_days) * DAY_S,
    }
    return ages.get(stream.name, stream.max_age_s)


def _sooner(days: float, other_days: float) -> float:
    """Return the shorter of two retentions, of which 0 is unlimited."""
    return min(days, other_days) if days and other_days else days or other_days


def _max_bytes(stream: Stream, settings: Settings) -> int:
    return settings.journal_max_mb * 1_000_000 if stream.name == JOURNAL else stream.max_bytes


def _stream_config(stream: Stream, settings: Settings) -> StreamConfig:
    age_s = max_age_s(stream, settings)
    return StreamConfig(
        name=stream.name,
        subjects=list(stream.subjects),
        storage=StorageType.FILE if stream.storage == "file" else StorageType.MEMORY,
        max_age=age_s,
        max_bytes=_max_bytes(stream, settings),
        # NATS refuses a duplicate window that is longer than the retention.
        duplicate_window=min(stream.duplicate_window_s, age_s or stream.duplicate_window_s),
        discard=DiscardPolicy.NEW if stream.discard == "new" else DiscardPolicy.OLD,
        republish=RePublish(*stream.republish) if stream.republish else None,
        allow_direct=True,
        compression=StoreCompression.S2 if stream.is_compressed else None,
        no_ack=stream.name == AUDIO,
    )


def _consumer_config(durable: Durable) -> ConsumerConfig:
    return ConsumerConfig(
        durable_name=durable.name,
        filter_subjects=list(durable.filter_subjects),
        ack_policy=AckPolicy.EXPLICIT,
        deliver_policy=DeliverPolicy.NEW if durable.from_now_on else DeliverPolicy.ALL,
        ack_wait=durable.ack_wait_s,
        max_deliver=durable.max_deliver,
        max_ack_pending=durable.max_ack_pending,
    )


async def provision(js: JetStreamContext) -> None:
    """Create or update every stream and durable of the topology, with the retention of the settings.

    Raises nats errors when NATS refuses. A memory stream is gone after a restart of the server, so this runs again at
    each reconnect.
    """
    for stream in STREAMS:
        if stream.name == JOURNAL and not settings().journal_max_mb:
            continue
        try:
            await _provision_stream(js, _stream_config(stream, settings()))
        except APIError as error:
            if not stream.is_optional or error.err_code != NO_ROOM:
                raise
            log.warning("stream %s: NATS has no room for it; the system runs without", stream.name)
    for durable in DURABLES:
        await provision_durable(js, durable)


async def _provision_stream(js: JetStreamContext, config: StreamConfig) -> None:
    try:
        await js.update_stream(config)
    except NotFoundError:
        await _made_by_anyone(js.add_stream(config))


async def provision_durable(js: JetStreamContext, durable: Durable) -> None:
    """Create or update a durable consumer of the log. Raises nats errors when NATS refuses."""
    # Creating a consumer that exists updates it.
    await js.add_consumer(VOICE, _consumer_config(durable))


async def _made_by_anyone(creation: "asyncio.Future[object] | object") -> None:
    try:
        await creation  # type: ignore[misc]
    except APIError as error:
        if error.err_code != 10058:  # name already in use: another process was quicker
            raise


async def missing_durables(js: JetStreamContext, names: tuple[str, ...]) -> list[str]:
    """Return the durables that do not exist: a deleted consumer raises no error, so readiness checks it."""
    missing = []
    for name in names:
        try:
            await js.consumer_info(VOICE, name)
        except NotFoundError:
            missing.append(name)
    return missing
