"""`asyncapi.yaml` as a stranger reads it: what may be on a subject, and who subscribes to what. None of our classes."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import msgpack
from jsonschema import Draft7Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from tests.yaml_text import read_yaml

PATH = Path(__file__).parents[2] / "asyncapi.yaml"
Node = dict[str, Any]
Headers = Mapping[str, str]

_formats = FormatChecker([])
_formats.checks("binary")(lambda value: isinstance(value, bytes))


def _known_properties(validator: Any, properties: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """Check a map's properties, and that it has no others: readers may ignore those, but this version has none."""
    yield from Draft7Validator.VALIDATORS["properties"](validator, properties, instance, schema)
    if isinstance(instance, dict):
        for name in instance.keys() - properties.keys():
            yield ValidationError(f"{name!r} is not documented in {schema.get('title')}")


def _is_text(_checker: object, value: object) -> bool:
    return isinstance(value, str | bytes)


_Payloads = extend(  # type: ignore[no-untyped-call]
    Draft7Validator,
    {"properties": _known_properties},
    type_checker=Draft7Validator.TYPE_CHECKER.redefine("string", _is_text),
)


class Document:
    """The document; names of channels are its own."""

    def __init__(self, path: Path = PATH) -> None:
        self.whole: Node = read_yaml(path.read_text())
        self._validators: dict[tuple[type, str], Draft7Validator] = {}
        self._channels: dict[str, str] = {}

    @cached_property
    def _addresses(self) -> list[tuple[int, re.Pattern[str], str]]:
        """Each channel's pattern, those with most fixed tokens first."""
        found = []
        for name, channel in self.whole["channels"].items():
            if channel["address"]:
                tokens = channel["address"].split(".")
                pattern = r"\.".join("[^.]+" if token.startswith("{") else re.escape(token) for token in tokens)
                found.append((sum(token.startswith("{") for token in tokens), re.compile(pattern), name))
        return sorted(found, key=lambda entry: entry[0])

    def channel_of(self, subject: str) -> str:
        """Return the name of the channel that a subject is on, empty if there is none."""
        if subject not in self._channels:
            found = (name for _, pattern, name in self._addresses if pattern.fullmatch(subject))
            self._channels[subject] = next(found, "")
        return self._channels[subject]

    def answers_of(self, channel: str) -> str:
        """Return the channel of the answers to a request, empty if the channel has no answers."""
        for operation in self.whole["operations"].values():
            if operation["channel"]["$ref"] == f"#/channels/{channel}" and "reply" in operation:
                return str(operation["reply"]["channel"]["$ref"].rsplit("/", 1)[1])
        return ""

    def problem(self, channel: str, headers: Headers, data: bytes) -> str:
        """Return why a message is none of the channel's, empty if it is one."""
        names = [part["$ref"].rsplit("/", 1)[1] for part in self.whole["channels"][channel]["messages"].values()]
        told = headers.get("Daredevil-Event", "")
        problems = []
        for name in [told] if told in names else names:
            problem = self._message_problem(self.whole["components"]["messages"][name], headers, data)
            if not problem:
                return ""
            problems.append(f"{name}: {problem}")
        return "; ".join(problems)

    def _message_problem(self, message: Node, headers: Headers, data: bytes) -> str:
        if "headers" in message and (problem := self._invalid(Draft7Validator, message["headers"], dict(headers))):
            return f"header: {problem}"
        try:
            payload = _decoded(message["contentType"], data)
        except ValueError as error:
            return f"not {message['contentType']}: {error}"
        return self._invalid(_Payloads, message["payload"], payload)

    def _invalid(self, kind: Any, schema: Node, value: object) -> str:
        key = kind, schema["$ref"]
        if key not in self._validators:
            self._validators[key] = kind({**schema, "components": self.whole["components"]}, format_checker=_formats)
        error = next(self._validators[key].iter_errors(value), None)
        return f"{'.'.join(map(str, error.absolute_path))} {error.message}"[:300] if error else ""

    def subscriptions_of(self, process: str) -> set[tuple[str, str]]:
        """Return `(subject with names in braces, queue group)` of what a process subscribes to, as documented."""
        return {
            (subject, operation.get("bindings", {}).get("nats", {}).get("queue", ""))
            for operation in self.whole["operations"].values()
            if operation["action"] == "receive" and {"name": process} in operation["tags"]
            for subject in operation.get("x-subjects", ())
        }

    def durables(self) -> dict[str, set[str]]:
        """Return the events' subjects that each durable consumer takes."""
        found: dict[str, set[str]] = {}
        for operation in self.whole["operations"].values():
            if name := operation.get("x-jetstream", {}).get("durable"):
                address = self.whole["channels"][operation["channel"]["$ref"].rsplit("/", 1)[1]]["address"]
                found.setdefault(name, set()).add(address.replace("{session}", "*"))
        return found


def _decoded(content_type: str, data: bytes) -> object:
    """Return a message's payload. Raises ValueError."""
    match content_type:
        case "application/msgpack":
            try:
                return msgpack.unpackb(data)
            except Exception as error:  # msgpack raises many kinds, none of them documented as a family
                raise ValueError(repr(error)) from error
        case "application/json":
            return json.loads(data)
        case "text/plain":
            return data.decode()
        case _:
            return data


def is_one_of(documented: str, subject: str) -> bool:
    """Tell whether a subscription is the documented one: a name in braces stands for one token that is no wildcard."""
    pattern = r"\.".join(r"[^.*>]+" if token.startswith("{") else re.escape(token) for token in documented.split("."))
    return re.fullmatch(pattern, subject) is not None
