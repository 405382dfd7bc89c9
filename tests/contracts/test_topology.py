"""The tables hold together: every event has its row, every durable takes events that exist."""

import inspect

import pytest

from contracts import events
from contracts.topology import (
    ACTORS,
    BRIDGE,
    CLI,
    DURABLES,
    ERASURE,
    EVENTS,
    RECORDER,
    STREAMS,
    UnknownSubject,
    checked_session,
    event_class_of,
    live_event_subject,
    live_subjects,
    session_subjects,
    subject_of,
    tail_of,
)
from tests.contracts.samples import EVENT_CLASSES, sample


def test_every_event_class_has_exactly_one_row_and_one_subject() -> None:
    classes = [
        thing
        for _, thing in inspect.getmembers(events, inspect.isclass)
        if issubclass(thing, events.Event) and thing is not events.Event
    ]
    assert sorted(row.event.__name__ for row in EVENTS) == sorted(cls.__name__ for cls in classes)
    assert len({row.tail for row in EVENTS}) == len(EVENTS)


def test_every_event_is_said_by_somebody_known() -> None:
    for row in EVENTS:
        assert row.publishers
        assert set(row.publishers) <= {*ACTORS, BRIDGE, ERASURE, CLI}


def test_every_durable_belongs_to_an_actor_and_takes_events_that_have_a_subject() -> None:
    assert {durable.name for durable in DURABLES} == {*ACTORS, RECORDER}
    tails = {row.tail for row in EVENTS}
    for durable in DURABLES:
        assert set(durable.events) <= set(EVENT_CLASSES)
        for subject in durable.filter_subjects:
            assert subject == "voice.*.*.*" or subject.removeprefix("voice.*.") in tails


def test_some_durable_takes_whatever_is_on_the_log_so_that_nothing_unknown_stays_unseen() -> None:
    voice = next(stream for stream in STREAMS if stream.name == "VOICE")
    assert any(durable.filter_subjects == voice.subjects for durable in DURABLES)


@pytest.mark.parametrize("event_class", EVENT_CLASSES)
def test_an_events_subject_has_four_tokens_and_leads_back_to_its_class(event_class: type[events.Event]) -> None:
    subject = subject_of(sample(event_class))
    assert subject.count(".") == 3
    assert event_class_of(subject) is event_class
    assert event_class_of(f"live.s-1.{tail_of(event_class)}") is event_class
    assert live_event_subject(event_class) == f"live.*.{tail_of(event_class)}"


@pytest.mark.parametrize("event_class", EVENT_CLASSES)
def test_every_event_and_field_says_what_it_is_and_is_frozen(event_class: type[events.Event]) -> None:
    assert event_class.__doc__
    event = sample(event_class)
    with pytest.raises(ValueError, match="frozen"):
        event.session_id = "other"  # type: ignore[misc]


@pytest.mark.parametrize("session", ["", "a.b", "*", ">", "A", "a b", "x" * 65, "a\n"])
def test_a_session_that_could_widen_a_subscription_is_refused(session: str) -> None:
    for subjects in (session_subjects, live_subjects):
        with pytest.raises(ValueError, match="not a session id"):
            subjects(session)
    with pytest.raises(ValueError, match="no dots or wildcards"):
        checked_session(session)
    with pytest.raises(UnknownSubject):
        event_class_of(f"voice.{session}.turn.ended")
