"""Channels and operations of `asyncapi.yaml` from the topology's rows: messages, requests, buckets and streams."""

from typing import Any

from contracts.asyncapi.parts import Node, by_role, channel, operation, reference
from contracts.topology import BUCKETS, CHANNELS, REQUESTS, STREAMS, Bucket, Channel, Request

_PLAIN = "By a plain publish; nobody waits for it."
_STORED = "Stored in {stream}: it counts once NATS has acknowledged it."
_HEARD = "By a plain subscription: each copy receives all of it, and nothing is acknowledged."
_READ = "Read from the stream {stream}, by direct get or an ephemeral consumer."
_ASKED = "As a request: the answer goes to its reply inbox."


def row_channels() -> Node:
    """Return the channels of messages, requests, their answers, and buckets."""
    channels: Node = {}
    for row in CHANNELS:
        channels[row.name] = channel(row.address, row.messages, row.description)
        if row.stream:
            channels[row.name]["x-jetstream"] = {"stream": row.stream}
    for request in REQUESTS:
        channels[request.name] = channel(request.address, request.messages, request.description)
        channels[f"{request.name}Answer"] = {
            "address": None,
            "description": "Reply inbox of the request.",
            "messages": {name: reference("components", "messages", name) for name in request.answers},
        }
    for bucket in BUCKETS:
        node = channel(bucket.address, [bucket.message], bucket.description)
        channels[_name(bucket)] = {**node, "x-jetstream": {"stream": bucket.stream, "bucket": bucket.name}}
    return channels


def _name(bucket: Bucket) -> str:
    return f"{''.join(word.capitalize() for word in bucket.name.replace('-', '_').split('_'))}Bucket"


def row_operations() -> Node:
    """Return who sends, receives, reads, requests, answers and writes what."""
    operations: Node = {}
    for row in CHANNELS:
        operations |= _of_channel(row)
    for request in REQUESTS:
        operations |= _of_request(request)
    for bucket in BUCKETS:
        name, stored = _name(bucket), {"x-jetstream": {"bucket": bucket.name}}
        for role, processes in by_role(bucket.writers).items():
            description = f"By a put to the key-value bucket `{bucket.name}`."
            operations |= operation(f"{role}-writes-{name}", name, [bucket.message], description, processes, **stored)
        for role, processes in by_role(bucket.readers).items():
            description = f"By a get from the key-value bucket `{bucket.name}`."
            operations |= operation(f"{role}-reads-{name}", name, [bucket.message], description, processes, **stored)
        for role, processes in by_role(bucket.listeners).items():
            heard = {"x-subjects": [bucket.address.text]}
            operations |= operation(f"{role}-receives-{name}", name, [bucket.message], _HEARD, processes, **heard)
    return operations


def _of_channel(row: Channel) -> Node:
    operations: Node = {}
    sent = _STORED.format(stream=row.stream) if row.is_awaited else _PLAIN
    for role, processes in by_role(row.senders).items():
        operations |= operation(f"{role}-sends-{row.name}", row.name, row.messages, sent, processes)
    for role, processes in by_role(row.listeners).items():
        operations |= operation(
            f"{role}-receives-{row.name}",
            row.name,
            row.messages,
            _HEARD,
            processes,
            **{"x-subjects": [row.address.text]},
        )
    for role, processes in by_role(row.readers).items():
        operations |= operation(
            f"{role}-reads-{row.name}",
            row.name,
            row.messages,
            _READ.format(stream=row.stream),
            processes,
            **{"x-jetstream": {"stream": row.stream}},
        )
    return operations


def _of_request(row: Request) -> Node:
    reply = {"reply": {"channel": reference("channels", f"{row.name}Answer")}}
    operations: Node = {}
    for role, processes in by_role(row.asked_by).items():
        operations |= operation(f"{role}-asks-{row.name}", row.name, row.messages, _ASKED, processes, **reply)
    for who, answerers, subject, queue in row.answering:
        more: dict[str, Any] = {**reply, "x-subjects": [subject]}
        if queue:
            more["bindings"] = {"nats": {"queue": queue, "bindingVersion": "0.1.0"}}
        description = f"{_ASKED} {'One of all copies answers.' if queue else 'Each copy concerned answers.'}"
        operations |= operation(f"{who}-answers-{row.name}", row.name, row.messages, description, answerers, **more)
    return operations


def jetstream() -> Node:
    """Return the streams and buckets: names, subjects, and how long they keep their contents."""
    return {
        "streams": [
            {
                "name": stream.name,
                "description": stream.description,
                "subjects": list(stream.subjects),
                "storage": stream.storage,
                **({"compression": "s2"} if stream.is_compressed else {}),
                **({"republish": dict(zip(("from", "to"), stream.republish, strict=True))} if stream.republish else {}),
            }
            for stream in STREAMS
        ],
        "buckets": [
            {
                "name": bucket.name,
                "description": bucket.description,
                "storage": bucket.storage,
                **({"ttl_s": bucket.ttl_s} if bucket.ttl_s is not None else {}),
            }
            for bucket in BUCKETS
        ],
    }
