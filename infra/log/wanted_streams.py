"""What streams, buckets and durables should look like on NATS, from the topology and the settings. Pure."""

from collections.abc import Iterator
from enum import Enum
from typing import Any

from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RePublish,
    StorageType,
    StoreCompression,
    StreamConfig,
    SubjectTransform,
)

from contracts.topology import (
    AUDIO,
    BUCKETS,
    JOURNAL,
    RECORDINGS,
    RESPONSE_CACHE,
    VOICE,
    Bucket,
    Durable,
    Stream,
)
from infra.settings import Settings

PARTITIONS = "partitions"
"""How many partitions the log has, in the metadata of each partition's stream."""

DAY_S = 86_400

STREAM_FIELDS = (
    *("subjects", "storage", "num_replicas", "max_age", "max_bytes", "duplicate_window", "discard", "republish"),
    *("allow_direct", "compression", "no_ack", "subject_transform"),
)
"""What is compared of a stream; whatever else an operator has set stays as it is."""

CONSUMER_FIELDS = ("filter_subjects", "ack_policy", "deliver_policy", "ack_wait", "max_deliver", "max_ack_pending")

FIXED = frozenset(("storage", "ack_policy", "deliver_policy"))
"""What JetStream does not change in something that exists."""


def max_age_s(stream: Stream, settings: Settings) -> float:
    """Return the age in seconds at which messages leave a stream: the setting's, else the topology's; 0 keeps them."""
    ages = {
        VOICE: settings.log_retention_days * DAY_S,
        AUDIO: settings.audio_retention_s,
        RECORDINGS: settings.recording_retention_days * DAY_S,
        JOURNAL: _sooner(settings.journal_retention_days, settings.log_retention_days) * DAY_S,
    }
    return ages.get(stream.partition_of or stream.name, stream.max_age_s)


def _sooner(days: float, other_days: float) -> float:
    """Return the shorter of two retentions, of which 0 is unlimited."""
    return min(days, other_days) if days and other_days else days or other_days


def is_wanted(stream: Stream, settings: Settings) -> bool:
    """Return whether a stream is to exist: the tape's only if it may grow."""
    return stream.name != JOURNAL or bool(settings.journal_max_mb)


def stream_config(stream: Stream, settings: Settings, partitions: int = 1) -> StreamConfig:
    """Return the configuration of a stream, in a log of so many partitions."""
    age_s = max_age_s(stream, settings)
    return StreamConfig(
        name=stream.name,
        subjects=list(stream.subjects),
        storage=_storage(stream.storage),
        num_replicas=settings.nats_replicas,
        max_age=age_s,
        max_bytes=settings.journal_max_mb * 1_000_000 if stream.name == JOURNAL else stream.max_bytes,
        # NATS refuses a duplicate window that is longer than the retention.
        duplicate_window=min(stream.duplicate_window_s, age_s or stream.duplicate_window_s),
        discard=DiscardPolicy.NEW if stream.discard == "new" else DiscardPolicy.OLD,
        republish=RePublish(*stream.republish) if stream.republish else None,
        allow_direct=True,
        compression=StoreCompression.S2 if stream.is_compressed else None,
        no_ack=stream.name == AUDIO,
        subject_transform=SubjectTransform(*stream.transform) if stream.transform else None,
        metadata={PARTITIONS: str(partitions)} if stream.partition_of else None,
    )


def bucket_config(bucket: Bucket, settings: Settings, ttl_s: float | None = None) -> StreamConfig:
    """Return the configuration of a bucket's stream, as NATS's clients make buckets.

    `ttl_s` is the time to live of a bucket whose row leaves it to the settings.
    """
    age_s = bucket.ttl_s if bucket.ttl_s is not None else ttl_s or 0
    return StreamConfig(
        name=bucket.stream,
        subjects=[bucket.all_keys],
        storage=_storage(bucket.storage),
        num_replicas=settings.nats_replicas,
        max_age=age_s,
        max_bytes=bucket.max_bytes,
        max_msgs_per_subject=1,
        duplicate_window=min(120, age_s or 120),
        discard=DiscardPolicy.NEW,
        allow_direct=bucket.direct,
        allow_rollup_hdrs=True,
        allow_msg_ttl=True,
        deny_delete=True,
    )


def wanted_buckets(settings: Settings) -> Iterator[tuple[Bucket, StreamConfig]]:
    """Yield the buckets that are to exist: that of answers only if answers are reused."""
    for bucket in BUCKETS:
        ttl_s = settings.response_cache_ttl_s if bucket == RESPONSE_CACHE else None
        if bucket != RESPONSE_CACHE or ttl_s:
            yield bucket, bucket_config(bucket, settings, ttl_s)


def consumer_config(durable: Durable) -> ConsumerConfig:
    """Return the configuration of a durable consumer."""
    return ConsumerConfig(
        durable_name=durable.name,
        filter_subjects=list(durable.filter_subjects),
        ack_policy=AckPolicy.EXPLICIT,
        deliver_policy=DeliverPolicy.NEW if durable.from_now_on else DeliverPolicy.ALL,
        ack_wait=durable.ack_wait_s,
        max_deliver=durable.max_deliver,
        max_ack_pending=durable.max_ack_pending,
    )


def wanted_fields(wanted: StreamConfig, fields: tuple[str, ...]) -> tuple[str, ...]:
    """Return which fields are compared: a size that we leave unlimited is an operator's to limit."""
    return tuple(field for field in fields if field != "max_bytes" or (wanted.max_bytes or -1) > 0)


def shown_field(field: str, value: Any) -> str:
    """Return a field's value as text for people, the same for values that mean the same."""
    if field in ("max_age", "ack_wait", "duplicate_window"):
        return _duration(value or 0) if value or field != "max_age" else "unlimited"
    if field in ("republish", "subject_transform"):
        return f"{value.src} → {value.dest}" if value else "no"
    if field in ("allow_direct", "no_ack"):
        return "yes" if value else "no"
    if field == "compression":
        return str(getattr(value, "value", value) or "none")
    if field in ("subjects", "filter_subjects"):
        return ", ".join(sorted(value or ()))
    return str(value.value if isinstance(value, Enum) else value)


def _duration(seconds: float) -> str:
    days = seconds / DAY_S
    if days < 1 or days != round(days):
        return f"{seconds:.12g} s"
    return "1 day" if days == 1 else f"{days:.0f} days"


def _storage(name: str) -> StorageType:
    return StorageType.FILE if name == "file" else StorageType.MEMORY
