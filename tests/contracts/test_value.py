"""Which fields are measured, and the version that an event is written with."""

from typing import ClassVar

import msgpack
import pytest

from contracts import events as e
from contracts.codec import decode, encode
from contracts.topology import subject_of
from contracts.value import measured_fields
from tests.contracts.samples import EVENT_CLASSES, sample

COMMON = {"schema_version", "time_ns", "basis", "appended_by"}


@pytest.mark.parametrize("event_class", EVENT_CLASSES)
def test_every_event_has_its_time_and_its_writer_measured(event_class: type[e.Event]) -> None:
    assert measured_fields(event_class) >= COMMON
    assert not measured_fields(event_class) & {"event_id", "session_id", "cause_id", "turn_id"}


def test_parts_are_looked_into_and_a_part_measured_as_a_whole_is_named_once() -> None:
    assert measured_fields(e.TurnEnded) - COMMON == {
        "evidence.silence_ms",
        "evidence.speech_ended_ns",
        "evidence.text_ready_ns",
        "evidence.opinions.asked_ns",
        "evidence.opinions.elapsed_ms",
    }
    assert measured_fields(e.PlaybackStarted) - COMMON == {
        "gap_ms",
        "parts",
        "waited_for",
        "ready_before_ms",
        "beside",
        "heard_ns",
        "at_door_ns",
    }


def test_what_is_counted_decided_or_copied_is_not_measured() -> None:
    assert measured_fields(e.SpeechStarted) == COMMON
    assert measured_fields(e.TurnRecorded) == COMMON
    assert "played_samples" not in measured_fields(e.PlaybackFinished)
    assert "probability" not in measured_fields(e.EndOfTurnOpinion)


class Grown(e.TurnPassed):
    """As a later program may have it."""

    SCHEMA_VERSION: ClassVar[int] = e.TurnPassed.SCHEMA_VERSION + 1


class GrownBeside(Grown):
    """A class beneath it has its version, unless it sets another."""


def test_an_event_is_written_with_the_version_of_its_class() -> None:
    fields = sample(e.TurnPassed).model_dump(exclude={"schema_version"})
    for event_class in (e.TurnPassed, Grown, GrownBeside):
        written = msgpack.unpackb(encode(event_class.model_validate(fields)))
        assert written["schema_version"] == event_class.SCHEMA_VERSION
    assert Grown.SCHEMA_VERSION != e.TurnPassed.SCHEMA_VERSION


def test_an_event_that_is_stored_again_keeps_the_version_that_wrote_it() -> None:
    old = sample(e.TurnPassed).model_copy(update={"schema_version": 1})
    assert encode(decode(subject_of(old), encode(old))) == encode(old)


def test_bytes_without_a_version_are_of_the_first() -> None:
    fields = sample(e.TurnPassed).model_dump(exclude={"schema_version"}, exclude_none=True)
    assert decode(subject_of(sample(e.TurnPassed)), msgpack.packb(fields)).schema_version == 1
