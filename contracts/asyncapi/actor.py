"""What `faststream docs gen actors.reasoning:app` writes: that actor's part of `asyncapi.yaml`.

Our handlers receive messages from an inbox, not from FastStream's subscribers, so FastStream alone would find none.
"""

import json
from collections.abc import Iterator
from typing import Any

import yaml
from faststream.specification.asyncapi import AsyncAPI


class ActorSpecification(AsyncAPI):
    """FastStream's factory of the document of one process."""

    def __init__(self, name: str) -> None:
        super().__init__(title=f"Daredevil: {name}", description="This actor's part of asyncapi.yaml.")
        self._name = name

    def to_specification(self) -> Any:
        """Return what can be written as JSON or YAML."""
        return _Written(document_of(self._name))


class _Written:
    """A document in the forms that FastStream requests."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    def to_jsonable(self) -> dict[str, Any]:
        """Return it as plain values."""
        return self._document

    def to_json(self) -> str:
        """Return it as JSON."""
        return json.dumps(self._document, indent=2, ensure_ascii=False)

    def to_yaml(self) -> str:
        """Return it as YAML."""
        return yaml.safe_dump(self._document, sort_keys=False, width=110, allow_unicode=True)


def document_of(name: str) -> dict[str, Any]:
    """Return the part of the whole document that a process sends or receives."""
    from contracts.asyncapi.document import document

    whole: dict[str, Any] = json.loads(json.dumps(document()))
    operations = {
        key: operation for key, operation in whole["operations"].items() if {"name": name} in operation["tags"]
    }
    kept: set[tuple[str, ...]] = set()
    found: list[Any] = list(operations.values())
    while found:
        for path in _references(found.pop()):
            place = tuple(path[:3] if path[0] == "components" else path[:2])
            if place not in kept:
                kept.add(place)
                part: Any = whole
                for step in place:
                    part = part[step]
                found.append(part)
    return {
        **{key: value for key, value in whole.items() if key not in ("channels", "operations", "components")},
        "info": {**whole["info"], "title": f"Daredevil: {name}"},
        "channels": {key: part for key, part in whole["channels"].items() if ("channels", key) in kept},
        "operations": operations,
        "components": {
            kind: {key: part for key, part in parts.items() if ("components", kind, key) in kept}
            for kind, parts in whole["components"].items()
        },
    }


def _references(node: Any) -> Iterator[list[str]]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].removeprefix("#/").split("/")
        for part in node.values():
            yield from _references(part)
    elif isinstance(node, list):
        for part in node:
            yield from _references(part)
