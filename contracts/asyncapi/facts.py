"""The facts in `asyncapi.yaml`: a channel and a message for each event, and who sends and receives it."""

import inspect

from contracts.asyncapi.parts import EXAMPLE_ID, Node, channel, operation, processes_of, reference, text
from contracts.asyncapi.schemas import example
from contracts.codec import CONTENT_TYPE
from contracts.topology import DURABLES, EVENTS, FACTS, LISTENERS, LIVE, VOICE, Address, Row, event_class_of, role_of
from contracts.value import measured_fields

STORED = "StoredFact"
"""The channel on which facts are republished when they are stored."""

_SENT = "Stored in VOICE: it counts once NATS has acknowledged it, and is sent again with the same id until then."
_HEARD = "By a plain subscription: each copy receives all of it, and nothing is acknowledged."


def fact_channels() -> Node:
    """Return a channel for each event, and the one of live facts."""
    live = "Every fact republished as soon as it is stored, for plain subscriptions; `Nats-Sequence` is its sequence."
    return {
        **{row.event.__name__: _channel(row) for row in EVENTS},
        STORED: channel(LIVE, [row.event.__name__ for row in EVENTS], live),
    }


def _channel(row: Row) -> Node:
    name = row.event.__name__
    address = Address(FACTS.text.replace("{noun}.{state}", row.tail))
    return {**channel(address, [name], _summary(row), title=name), "x-jetstream": {"stream": VOICE}}


def _summary(row: Row) -> str:
    return (row.event.__doc__ or "").strip().splitlines()[0]


def fact_messages(schemas: Node) -> Node:
    """Return a message for each event, with an example of it."""
    return {row.event.__name__: _message(row, schemas) for row in EVENTS}


def _message(row: Row, schemas: Node) -> Node:
    name = row.event.__name__
    headers = {"Nats-Msg-Id": EXAMPLE_ID, "Daredevil-Event": name}
    return {
        "name": name,
        "title": name,
        "summary": _summary(row),
        "description": inspect.cleandoc(row.event.__doc__ or ""),
        "contentType": CONTENT_TYPE,
        "correlationId": {"description": "The turn it belongs to.", "location": "$message.payload#/turn_id"},
        "headers": reference("components", "schemas", "EventHeaders"),
        "payload": reference("components", "schemas", name),
        "x-measured": sorted(measured_fields(row.event)),
        "examples": [{"name": f"{name}Example", "headers": headers, "payload": example(name, schemas)}],
    }


def fact_headers() -> Node:
    """Return the schema of the headers of every event."""
    msg_id = (
        "The event's id: sent twice, stored once. A fact that is stored again so that its consumers receive it again "
        "has `<id>:again:<occasion>`; its bytes, with the id in them, are the same. A replayed fact has none, so that "
        "it can be replayed any number of times."
    )
    return {
        "EventHeaders": {
            "title": "EventHeaders",
            "description": "What every event carries besides its bytes.",
            "type": "object",
            "required": ["Daredevil-Event"],
            "properties": {
                "Nats-Msg-Id": text(msg_id),
                "Daredevil-Event": text("Name of the event's class."),
                "Nats-Subject": text("Of a live or replayed fact: the subject on which it is stored."),
                "Nats-Sequence": text("Of a live or replayed fact: its place in the log."),
                "Nats-Time-Stamp": text("Of a live or replayed fact: when it was stored, RFC 3339."),
                "Daredevil-Stored": text("Of a fact that came back from a backup: when it was first stored, RFC 3339."),
                "Daredevil-Event-Id": text("Of a replayed fact: its id."),
                "traceparent": text("W3C trace context of what sent it."),
                "tracestate": text("W3C trace state."),
            },
        },
    }


def fact_operations() -> Node:
    """Return who appends each event, who receives it from a durable consumer, and who hears it live."""
    operations: Node = {}
    for row in EVENTS:
        name = row.event.__name__
        for role in row.publishers:
            operations |= operation(f"{role}-sends-{name}", name, [name], _SENT, processes_of(role))
        for durable in DURABLES:
            if not durable.events or row.event in durable.events:
                operations |= operation(
                    f"{durable.name}-receives-{name}",
                    name,
                    [name],
                    f"Through the durable consumer `{durable.name}` of VOICE.",
                    (durable.name, durable.actor),
                    **{"x-jetstream": {"stream": VOICE, "durable": durable.name}},
                )
    return operations | _live_operations()


def _live_operations() -> Node:
    """Return what is heard live: an operation for the processes of a role that hear the same."""
    heard: dict[str, set[str]] = {}
    for listener in LISTENERS:
        heard.setdefault(listener.process, set()).update(listener.subjects)
    processes: dict[tuple[str, frozenset[str]], list[str]] = {}
    for process, subjects in heard.items():
        processes.setdefault((role_of(process), frozenset(subjects)), []).append(process)
    operations: Node = {}
    for (role, found), those in processes.items():
        every = [row.event.__name__ for row in EVENTS]
        some = [name for name in every if any(_names(subject, name) for subject in found)]
        who = role if role in those else those[0]
        operations |= operation(
            f"{who}-receives-{STORED}", STORED, some, _HEARD, those, **{"x-subjects": sorted(found)}
        )
    return operations


def _names(subject: str, event_name: str) -> bool:
    """Return whether an event comes on a live subject, which names one event or all."""
    if subject.endswith(".*.*"):
        return True
    return event_class_of(subject.replace("*", "s")).__name__ == event_name
