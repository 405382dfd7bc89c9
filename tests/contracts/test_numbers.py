"""Numbers of events: each is bounded by what the stores hold."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts import events as e
from contracts.codec import Undecodable, decode, encode
from contracts.numbers import INT32_MAX, INT64_MAX
from contracts.topology import subject_of
from tests.contracts.samples import EVENT_CLASSES, fields_of, sample


def numbers_in(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield each number of a JSON schema."""
    if isinstance(schema, dict):
        if schema.get("type") in ("integer", "number"):
            yield schema
        for part in schema.values():
            yield from numbers_in(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from numbers_in(part)


@pytest.mark.parametrize("event_class", EVENT_CLASSES, ids=lambda event_class: event_class.__name__)
def test_every_number_of_an_event_is_bounded(event_class: type[e.Event]) -> None:
    numbers = list(numbers_in(event_class.model_json_schema()))
    assert len(numbers) >= 2
    for number in numbers:
        assert "maximum" in number, f"{number}: take a kind of contracts.numbers"
        assert "minimum" in number or "exclusiveMinimum" in number, number
        assert number["maximum"] <= INT64_MAX


@pytest.mark.parametrize("event_class", EVENT_CLASSES, ids=lambda event_class: event_class.__name__)
@given(excess=st.integers(1, 2**70))
def test_a_time_beyond_64_bits_is_refused(event_class: type[e.Event], excess: int) -> None:
    with pytest.raises(ValidationError):
        event_class.model_validate({**fields_of(event_class, every=False), "time_ns": INT64_MAX + excess})


@pytest.mark.parametrize("gap_ms", [float("nan"), float("inf"), -float("inf"), 1e300])
def test_a_duration_that_is_no_duration_is_refused(gap_ms: float) -> None:
    with pytest.raises(ValidationError):
        e.PlaybackStarted.model_validate({**fields_of(e.PlaybackStarted, every=True), "gap_ms": gap_ms})


def test_a_gap_that_was_stored_as_negative_can_still_be_read() -> None:
    fields = fields_of(e.PlaybackStarted, every=True)
    assert e.PlaybackStarted.model_validate({**fields, "gap_ms": -3_599_254.0}).gap_ms == -3_599_254.0


def test_bytes_with_a_number_that_does_not_fit_are_undecodable() -> None:
    event = sample(e.SummaryWritten).model_copy(update={"turns": INT32_MAX + 1})
    with pytest.raises(Undecodable, match="turns"):
        decode(subject_of(event), encode(event))
