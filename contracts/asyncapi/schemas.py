"""JSON Schemas of events and examples of them, in a form from which other languages can generate classes.

Every enumeration is a schema of its own, named after its event (in generated code, equal names overwrite each
other); no schema is anonymous; a field that may be absent is not required, because it is never sent as null.
"""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from contracts.asyncapi.parts import EXAMPLE_ID, EXAMPLE_NS, Node, reference
from contracts.asyncapi.words import CHOICES, EXAMPLES, FIELDS
from contracts.topology import EVENTS

_BYTES = "A `bin` in MessagePack; in events as JSON (HTTP, `/ws`) base64url (RFC 4648, 5)."


def event_schemas() -> Node:
    """Return the schemas of all events and of their parts, by name."""
    models: list[tuple[type[BaseModel], Any]] = [(row.event, "validation") for row in EVENTS]
    _, schema = models_json_schema(models, ref_template="#/components/schemas/{model}")
    found: Node = {}
    for name, definition in schema["$defs"].items():
        found.update(portable(name, definition))
    return dict(sorted(found.items()))


def portable(name: str, definition: Node) -> Node:
    """Return a schema, and those of the enumerations in it, by name."""
    named: Node = {}
    properties = {
        field: _property(name, field, part, named) for field, part in definition.get("properties", {}).items()
    }
    return {name: {**definition, "title": name, "properties": properties}, **named}


def _property(owner: str, field: str, part: Node, named: Node) -> Node:
    part = {key: value for key, value in _present(part).items() if key not in ("title", "measured")}
    if field in FIELDS:
        part.setdefault("description", FIELDS[field])
    if part.get("default") in (None, [], {}):
        part.pop("default", None)  # generators cannot write an empty list or map as a default
    if "base64" in part.get("format", ""):
        part.update(format="binary", description=f"{part.get('description', '')} {_BYTES}".strip())
    if "enum" in part or "const" in part:
        title = owner + "".join(word.capitalize() for word in field.split("_"))
        enum = part.pop("enum", None) or [part.pop("const")]
        named[title] = {**part, "title": title, "type": "string", "enum": enum}
        return reference("components", "schemas", title)
    # JSON Schema (draft 7) ignores keywords beside a reference.
    return {"$ref": part["$ref"]} if "$ref" in part else part


def _present(part: Node) -> Node:
    """Return the type of a field when it is present."""
    choices = [choice for choice in part.get("anyOf", ()) if choice.get("type") != "null"]
    if "anyOf" not in part:
        return part
    assert len(choices) == 1, part
    return {**{key: value for key, value in part.items() if key != "anyOf"}, **choices[0]}


# -- examples


def example(name: str, schemas: Node) -> Node:
    """Return a payload of an event as it could be sent."""
    definition = schemas[name]
    return {
        field: _example_of(name, field, part, schemas)
        for field, part in definition["properties"].items()
        if field in definition.get("required", ()) or _worth_showing(part, field, name)
    }


def _worth_showing(part: Node, field: str, name: str) -> bool:
    known = f"{name}.{field}" in CHOICES or EXAMPLES.get(field) not in (None, "")
    return part.get("format") != "binary" and (known or field in ("cause_id", "turn_id", "evidence", "parts"))


def _example_of(owner: str, field: str, part: Node, schemas: Node) -> Any:
    chosen = CHOICES.get(f"{owner}.{field}", EXAMPLES.get(field))
    if "$ref" in part:
        target = part["$ref"].rsplit("/", 1)[1]
        enum = schemas[target].get("enum", [])
        return chosen if chosen in enum else enum[0] if enum else example(target, schemas)
    if chosen not in (None, ""):
        return chosen
    if part.get("type") == "array":
        items = part["items"]
        if "$ref" in items:
            return [example(items["$ref"].rsplit("/", 1)[1], schemas)]
        return []
    return _plain(field, part)


def _plain(field: str, part: Node) -> Any:
    if field.endswith("_ns"):
        return EXAMPLE_NS
    match part.get("type"):
        case "string" if field.endswith("_id"):
            return EXAMPLE_ID
        case "string":
            return part.get("default", "")
        case "integer" | "number":
            return part.get("default", max(part.get("minimum", 0), 1 if "exclusiveMinimum" in part else 0))
        case "boolean":
            return part.get("default", False)
        case _:
            return {}
