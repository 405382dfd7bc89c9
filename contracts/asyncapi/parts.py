"""Building blocks of every part of `asyncapi.yaml`: channels, operations, messages and schemas."""

from collections.abc import Iterable, Sequence
from typing import Any

from contracts.codec import CONTENT_TYPE
from contracts.numbers import INT64_MAX
from contracts.topology import DOORS, Address, role_of

Node = dict[str, Any]

EXAMPLE_ID = "5c0e9a7d1f3b48626a7c9d0e"
EXAMPLE_SESSION = "20261122-183015-9f2c1ab4"
EXAMPLE_NS = 1_795_372_215_123_456_789

JSON, TEXT, BYTES = "application/json", "text/plain", "application/octet-stream"

PARAMETERS = {
    "session": "The conversation: 1 to 64 of a-z, 0-9 and inner hyphens.",
    "participant": "Who is heard: the participant's id.",
    "track": "The microphone: the track's id.",
    "noun": "First half of the event's subject tail, such as `turn`.",
    "state": "Second half of the event's subject tail, such as `ended`.",
    "durable": "Name of an actor's durable consumer, or of a projection.",
    "process": "Name of a process: an actor, a front door or a projection.",
    "process_id": "The id that its system gave the process.",
    "actor": "Name of an actor, or of a front door.",
    "projection": "Name of a projection, such as `projection-postgres`.",
    "user": "Hash of a user's id.",
    "question": "Hash of the question and its context.",
    "severity": "How bad it is: `critical` or `warning`; rules of your own may have others.",
    "name": "Name of the alert, such as `HighLatency`.",
}


def reference(*path: str) -> Node:
    """Return a reference to a part of the document."""
    return {"$ref": "#/" + "/".join(path)}


def channel(address: Address, messages: Iterable[str], description: str, title: str = "") -> Node:
    """Return a channel with the meaning of its parameters."""
    node: Node = {
        "address": address.text,
        "title": title or description.partition(".")[0],
        "description": description,
    }
    if address.names:
        node["parameters"] = {name: {"description": PARAMETERS[name]} for name in address.names}
    node["messages"] = {name: reference("components", "messages", name) for name in messages}
    return node


def operation(
    key: str,
    channel_name: str,
    messages: Iterable[str],
    description: str,
    processes: Iterable[str],
    **more: Any,
) -> Node:
    """Return one operation by its key, `<who>-<verb>-<channel>`; its tags are the processes that perform it."""
    who, verb = key.removesuffix(f"-{channel_name}").rsplit("-", 1)
    return {
        key: {
            "action": "send" if verb in SENDING else "receive",
            "title": f"{who} {verb} {channel_name}",
            "channel": reference("channels", channel_name),
            "tags": [{"name": process} for process in dict.fromkeys(processes)],
            "messages": [reference("channels", channel_name, "messages", name) for name in messages],
            "description": description,
            **more,
        }
    }


SENDING = ("sends", "asks", "writes")
"""The verbs of operations that send; the others are `receives`, `reads` and `answers`."""


def by_role(processes: Sequence[str]) -> dict[str, list[str]]:
    """Return the processes by their role for others: all front doors are `bridge`."""
    found: dict[str, list[str]] = {}
    for process in processes:
        found.setdefault(role_of(process), []).append(process)
    return found


def processes_of(role: str) -> tuple[str, ...]:
    """Return the processes that have a role in facts."""
    return DOORS if role == role_of(DOORS[0]) else (role,)


def message(name: str, summary: str, payload: Any, content_type: str = CONTENT_TYPE, **more: Any) -> Node:
    """Return a message by its name, which is also its schema's; `payload` is an example."""
    return {
        name: {
            "name": name,
            "title": name,
            "summary": summary,
            "contentType": content_type,
            "payload": reference("components", "schemas", more.pop("schema", name)),
            "examples": [{"name": f"{name}Example", "payload": payload, **more.pop("example", {})}],
            **more,
        }
    }


def obj(name: str, description: str, properties: Node, required: Iterable[str] | None = None) -> Node:
    """Return the schema of a map by its name; all its properties are required unless `required` is given."""
    needed = list(properties) if required is None else list(required)
    return {
        name: {
            "title": name,
            "type": "object",
            "description": description,
            **({"required": needed} if needed else {}),
            "properties": properties,
        }
    }


def plain(name: str, description: str, **more: Any) -> Node:
    """Return the schema of a text, or with `format="binary"` of bytes, by its name."""
    return {name: {"title": name, "type": "string", "description": description, **more}}


def array(name: str, items: list[Node], description: str) -> Node:
    """Return the schema of an array with one schema per position, by its name."""
    size = len(items)
    return {
        name: {
            "title": name,
            "type": "array",
            "description": description,
            "items": items,
            "minItems": size,
            "maxItems": size,
        }
    }


def text(description: str) -> Node:
    """Return a text property."""
    return {"type": "string", "description": description}


def whole(description: str, **more: Any) -> Node:
    """Return a property that is an integer, 0 or more, of 64 bits."""
    return {
        "type": "integer",
        "format": "int64",
        "minimum": 0,
        "maximum": INT64_MAX,
        "description": description,
        **more,
    }


def number(description: str) -> Node:
    """Return a property that is a number, 0 or more."""
    return {"type": "number", "format": "double", "minimum": 0, "description": description}
