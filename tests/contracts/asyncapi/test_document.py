"""The interface document: drawn from the code, up to date, and valid."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faststream.specification.asyncapi.v3_0_0.schema import ApplicationSchema

from contracts.asyncapi import document as asyncapi
from contracts.asyncapi.parts import Node
from contracts.topology import DURABLES, EVENTS, Row
from contracts.value import measured_fields

CHECK = Path(__file__).parents[2] / "asyncapi_check"


@pytest.fixture(scope="module")
def document() -> Node:
    return asyncapi.document()


def test_the_file_is_what_the_code_says() -> None:
    assert asyncapi.PATH.read_text() == asyncapi.text(), "asyncapi.yaml is out of date: run `make asyncapi`"


@pytest.mark.parametrize("row", EVENTS, ids=lambda row: row.event.__name__)
def test_every_event_has_its_channel_message_and_speakers(row: Row, document: Node) -> None:
    name = row.event.__name__
    assert document["channels"][name]["address"] == f"voice.{{session}}.{row.tail}"
    assert document["components"]["messages"][name]["contentType"] == "application/msgpack"
    assert document["components"]["messages"][name]["x-measured"] == sorted(measured_fields(row.event))
    assert set(document["components"]["schemas"][name]["properties"]) == set(row.event.model_fields)
    operations = document["operations"]
    assert {who for who in row.publishers if f"{who}-sends-{name}" in operations} == set(row.publishers)
    takers = {durable.name for durable in DURABLES if not durable.events or row.event in durable.events}
    assert {f"{who}-receives-{name}" for who in takers} <= set(operations)


def test_faststream_reads_it_as_a_document_of_its_own_version(document: Node) -> None:
    server = {**document["servers"]["nats"], "pathname": "/"}  # optional in AsyncAPI, but not in this model of it
    schema = ApplicationSchema.model_validate({**document, "servers": {"nats": server}})
    assert schema.asyncapi == "3.0.0"
    assert len(schema.channels) > len(EVENTS)


@pytest.mark.slow
def test_asyncapis_own_parser_finds_nothing_wrong_with_it_and_does_with_a_broken_one(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (CHECK / "node_modules").is_dir():
        pytest.skip("needs node and AsyncAPI's parser: install nodejs and npm, then `make test` fetches the parser")
    broken = asyncapi.document()
    broken["channels"]["TurnEnded"]["messages"]["TurnEnded"]["$ref"] = "#/components/messages/Nothing"
    bad = tmp_path / "broken.json"
    bad.write_text(json.dumps(broken))
    command = [node, str(CHECK / "check.mjs"), str(asyncapi.PATH), str(bad)]
    run = subprocess.run(command, cwd=CHECK, capture_output=True, text=True, timeout=90, check=False)
    complaints = run.stdout.splitlines()
    assert [line for line in complaints if line.startswith(str(asyncapi.PATH))] == [], run.stderr
    assert any("Nothing" in line or "TurnEnded" in line for line in complaints), run.stderr
    assert run.returncode == 1


@pytest.mark.parametrize("row", EVENTS, ids=lambda row: row.event.__name__)
def test_every_message_has_an_example_that_is_one(row: Row, document: Node) -> None:
    message = document["components"]["messages"][row.event.__name__]
    assert message["description"]
    [example] = message["examples"]
    event = row.event.model_validate(example["payload"])
    assert event.schema_version == row.event.SCHEMA_VERSION
    assert example["headers"]["Daredevil-Event"] == row.event.__name__


def test_every_message_and_operation_is_explained(document: Node) -> None:
    for name, message in document["components"]["messages"].items():
        assert message["summary"], name
        assert message["examples"], name
    for name, operation in document["operations"].items():
        assert operation["description"], name


def test_every_schema_is_used(document: Node) -> None:
    used = {part["$ref"].rsplit("/", 1)[1] for part in parts(document) if "/schemas/" in part.get("$ref", "")}
    assert set(document["components"]["schemas"]) == used


def test_every_field_is_described_and_every_schema_named(document: Node) -> None:
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        assert schema["title"] == name
        assert schema.get("description"), name
        for field, part in schema.get("properties", {}).items():
            known = schemas[part["$ref"].rsplit("/", 1)[1]] if "$ref" in part else part
            assert known.get("description"), f"{name}.{field}"


def parts(node: object) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for part in node.values():
            yield from parts(part)
    elif isinstance(node, list):
        for part in node:
            yield from parts(part)


def test_numbers_tell_their_size_and_enumerations_are_schemas_of_their_own(document: Node) -> None:
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        for part in parts(schema):
            assert part is schema or "enum" not in part, f"{name}: an enumeration without a name"
            assert "anyOf" not in part, name
            if part.get("type") == "integer":
                assert part.get("format") in ("int32", "int64") or part.get("maximum", 2**31) < 2**31, (name, part)
    for event in EVENTS:
        assert schemas[event.event.__name__]["properties"]["time_ns"]["format"] == "int64"
