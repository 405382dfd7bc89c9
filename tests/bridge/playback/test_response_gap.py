"""The gap and its parts."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.playback.response_gap import Milestones, breakdown, milestones_of
from contracts import events as e

MS = 1_000_000
MAYBE_NS = st.none() | st.integers(0, 10_000 * MS)


@given(
    st.builds(
        Milestones,
        speech_ended_ns=st.integers(0, 10_000 * MS),
        heard_ns=st.integers(0, 10_000 * MS),
        silence_due_ns=MAYBE_NS,
        text_ready_ns=MAYBE_NS,
        turn_ended_ns=MAYBE_NS,
        reply_ns=MAYBE_NS,
        first_token_ns=MAYBE_NS,
        first_chunk_ns=MAYBE_NS,
        at_door_ns=MAYBE_NS,
    )
)
def test_the_parts_sum_to_the_gap(milestones: Milestones) -> None:
    gap_ms, parts = breakdown(milestones)
    assert gap_ms == (milestones.heard_ns - milestones.speech_ended_ns) / 1e6
    assert sum(parts.model_dump().values()) == pytest.approx(max(0, gap_ms), abs=1e-6)


def test_each_part_is_the_time_it_held_the_answer_up() -> None:
    milestones = Milestones(
        speech_ended_ns=0,
        silence_due_ns=400 * MS,
        text_ready_ns=450 * MS,
        turn_ended_ns=460 * MS,
        reply_ns=465 * MS,
        first_token_ns=565 * MS,
        first_chunk_ns=665 * MS,
        at_door_ns=667 * MS,
        heard_ns=707 * MS,
    )
    gap_ms, parts = breakdown(milestones)
    assert gap_ms == 707
    assert parts == e.LatencyParts(
        endpointing_ms=410, stt_ms=50, bus_ms=7, first_token_ms=100, first_audio_ms=100, playback_ms=40
    )


def test_what_a_draft_did_before_the_decision_costs_nothing() -> None:
    milestones = Milestones(
        speech_ended_ns=0,
        silence_due_ns=400 * MS,
        text_ready_ns=100 * MS,
        turn_ended_ns=401 * MS,
        reply_ns=403 * MS,
        first_token_ns=200 * MS,
        first_chunk_ns=300 * MS,
        at_door_ns=404 * MS,
        heard_ns=450 * MS,
    )
    parts = breakdown(milestones)[1]
    assert parts == e.LatencyParts(endpointing_ms=401, bus_ms=3, playback_ms=46)


def _facts() -> list[e.Event]:
    def fact(event_class: type[e.Event], at_ms: int, **fields: object) -> e.Event:
        known = {"event_id": f"{event_class.__name__}{at_ms}", "session_id": "s", "turn_id": "t"}
        return event_class.model_validate(known | {"time_ns": at_ms * MS} | fields)

    evidence = {"silence_ms": 400, "required_silence_ms": 350, "speech_ended_ns": 0, "text_ready_ns": 100 * MS}
    clause = {"reply_id": "r", "index": 0, "text": "Hi."}
    sound = {"samples": 9, "sample_rate_hz": 24_000, "first_chunk_ns": 600 * MS}
    return [
        fact(e.ReplyStarted, 150, reply_id="old", draft=True, text="hi"),
        fact(e.TurnEnded, 401, participant_id="p", text="hi", evidence=evidence),
        fact(e.ReplyStarted, 405, reply_id="r", text="hi"),
        fact(e.ReplyClauseWritten, 520, **clause, first_token_ns=500 * MS),
        fact(e.ClauseSynthesized, 640, **clause, **sound),
        fact(e.PlaybackStarted, 650, reply_id="r"),
    ]


def test_the_milestones_of_a_turn_are_found_in_its_facts() -> None:
    milestones = milestones_of(_facts(), "t")
    assert milestones is not None
    assert breakdown(milestones) == (
        650,
        e.LatencyParts(endpointing_ms=401, bus_ms=4, first_token_ms=95, first_audio_ms=100, playback_ms=50),
    )
    measured = dataclasses.replace(milestones, speech_ended_ns=-20 * MS, heard_ns=700 * MS)
    assert breakdown(measured)[0] == 720


def test_waiting_for_a_model_that_never_spoke_is_not_blamed_on_the_voice() -> None:
    facts = [fact.model_copy(update={"first_token_ns": None}) for fact in _facts()]
    milestones = milestones_of(facts, "t")
    assert milestones is not None
    parts = breakdown(milestones)[1]
    assert (parts.first_token_ms, parts.first_audio_ms) == (115, 80)


def test_typed_text_and_unheard_turns_have_no_milestones() -> None:
    facts = _facts()
    assert milestones_of(facts[:-1], "t") is None
    assert milestones_of(facts, "other") is None
    assert milestones_of([fact for fact in facts if not isinstance(fact, e.TurnEnded)], "t") is None
