"""The document is written from the topology's rows: each row is in it, and what it says of shapes is so."""

from collections.abc import Iterable
from dataclasses import fields

import pytest

from bridge.livekit.ownership.lease import Holding
from contracts.asyncapi.document import document
from contracts.asyncapi.parts import Node
from contracts.topology import BUCKETS, CHANNELS, DURABLES, LISTENERS, REQUESTS, STREAMS
from infra.agents.card import AgentCard
from infra.memory.presence import Present
from projections.status import Status


@pytest.fixture(scope="module")
def whole() -> Node:
    return document()


def messages_of(rows: Iterable[Node], whole: Node) -> set[str]:
    return {reference["$ref"].rsplit("/", 1)[1] for row in rows for reference in row["messages"].values()}


def test_every_channel_names_messages_that_are_there_and_every_message_has_a_channel(whole: Node) -> None:
    assert messages_of(whole["channels"].values(), whole) == set(whole["components"]["messages"])


def test_every_channel_has_an_operation_and_every_answer_its_question(whole: Node) -> None:
    operations = whole["operations"].values()
    used = {operation["channel"]["$ref"].rsplit("/", 1)[1] for operation in operations}
    replies = {
        operation["reply"]["channel"]["$ref"].rsplit("/", 1)[1] for operation in operations if "reply" in operation
    }
    assert used | replies == set(whole["channels"])
    assert used & replies == set()


def test_every_listener_and_whoever_answers_is_named_with_what_it_subscribes_to(whole: Node) -> None:
    operations = whole["operations"]
    live = [operation for name, operation in operations.items() if name.endswith("-receives-StoredFact")]
    for process in {listener.process for listener in LISTENERS}:
        (operation,) = (each for each in live if {"name": process} in each["tags"])
        subjects = {subject for listener in LISTENERS if listener.process == process for subject in listener.subjects}
        assert set(operation["x-subjects"]) == subjects
    for request in REQUESTS:
        for who, processes, subject, queue in request.answering:
            operation = operations[f"{who}-answers-{request.name}"]
            assert {tag["name"] for tag in operation["tags"]} == set(processes)
            assert operation["x-subjects"] == [subject]
            assert operation.get("bindings", {}).get("nats", {}).get("queue", "") == queue


def test_every_durable_can_be_asked_to_take_a_dead_letter_again(whole: Node) -> None:
    assert {f"{durable.name}-answers-PutBack" for durable in DURABLES} <= set(whole["operations"])


def test_what_a_stream_keeps_is_on_its_subjects() -> None:
    subjects = {stream.name: stream.subjects for stream in STREAMS}
    for row in CHANNELS:
        if row.stream:
            assert any(covers(subject, row.address.pattern) for subject in subjects[row.stream]), row.name


def covers(wide: str, narrow: str) -> bool:
    pairs = zip(wide.split("."), narrow.split("."), strict=True)
    return all(token in ("*", other) for token, other in pairs)


def test_streams_and_buckets_are_listed(whole: Node) -> None:
    kept = whole["servers"]["nats"]["x-jetstream"]
    assert [stream["name"] for stream in kept["streams"]] == [stream.name for stream in STREAMS]
    assert [bucket["name"] for bucket in kept["buckets"]] == [bucket.name for bucket in BUCKETS]


@pytest.mark.parametrize(
    ("schema", "names"),
    [
        ("RoomLease", set(Holding.model_fields)),
        ("AgentCard", set(AgentCard.model_fields)),
        ("PresentParticipant", {field.name for field in fields(Present)}),
        ("ProjectionStatusAnswer", {field.name for field in fields(Status)}),
    ],
)
def test_what_is_sent_as_json_has_the_fields_that_are_documented(schema: str, names: set[str], whole: Node) -> None:
    assert set(whole["components"]["schemas"][schema]["properties"]) == names
