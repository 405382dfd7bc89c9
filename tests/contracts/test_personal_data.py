"""Every field of text is known to bear words or not."""

from types import NoneType
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from contracts.events import Event, ParticipantJoined, SpeechStarted, TrackPublished, TurnEnded
from contracts.personal_data import PLAIN, WORDS, bears_words
from tests.contracts.samples import EVENT_CLASSES, sample


def _is_text(annotation: Any) -> bool:
    """Whether a value of this type may hold text, or bytes, however deep."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return any(_is_text(field.annotation) for field in annotation.model_fields.values())
    if annotation in (str, bytes) or isinstance(annotation, str):
        return True
    return any(_is_text(part) for part in get_args(annotation) if part not in (NoneType, ...))


@pytest.mark.parametrize("event_class", EVENT_CLASSES)
def test_every_field_of_text_bears_words_or_is_plain(event_class: type[Event]) -> None:
    texts = {name for name, field in event_class.model_fields.items() if _is_text(field.annotation)}
    words = set(WORDS.get(event_class, ()))
    assert words <= texts
    assert not words & PLAIN
    assert texts - words <= PLAIN, (
        f"say in contracts/personal_data.py whether these bear words: {texts - words - PLAIN}"
    )


@pytest.mark.parametrize("event_class", EVENT_CLASSES)
def test_an_event_with_all_its_fields_bears_words_if_its_class_may(event_class: type[Event]) -> None:
    fields = sample(event_class).model_dump(exclude_none=True)
    assert bears_words(event_class, fields) == (event_class in WORDS)


def test_an_event_whose_words_are_empty_bears_none() -> None:
    assert not bears_words(ParticipantJoined, {"participant_id": "agent", "name": ""})
    assert not bears_words(TurnEnded, {"text": ""})
    assert not bears_words(TrackPublished, {"track_id": "t"})


def test_a_field_of_a_newer_version_may_bear_words() -> None:
    assert bears_words(SpeechStarted, {"track_id": "t", "mood": "cheerful"})


def test_an_error_does_not_repeat_what_was_said() -> None:
    with pytest.raises(ValidationError) as raised:
        TurnEnded.model_validate({"event_id": "e", "session_id": "s", "time_ns": 1, "text": ["zanzibar"]})
    assert "zanzibar" not in str(raised.value)
