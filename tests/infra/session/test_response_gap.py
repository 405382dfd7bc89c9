"""The gap and its parts."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import events as e
from infra.session.response_gap import Milestones, Recognised, breakdown, milestones_of, reply_milestones

MS = 1_000_000
MAYBE_NS = st.none() | st.integers(0, 10_000 * MS)
WORDS = st.builds(Recognised, MAYBE_NS, MAYBE_NS)


@given(
    st.builds(
        Milestones,
        speech_ended_ns=st.integers(0, 10_000 * MS),
        heard_ns=st.integers(0, 10_000 * MS),
        silence_due_ns=MAYBE_NS,
        words=WORDS,
        turn_ended_ns=MAYBE_NS,
        draft_words=st.none() | WORDS,
        reply_started_ns=MAYBE_NS,
        committed_ns=MAYBE_NS,
        first_token_ns=MAYBE_NS,
        clause_ns=MAYBE_NS,
        first_chunk_ns=MAYBE_NS,
        sound_at_door_ns=MAYBE_NS,
        leave_at_door_ns=MAYBE_NS,
        at_door_ns=MAYBE_NS,
        waited_for=st.none() | st.sampled_from(("turn", "sound")),
    )
)
def test_the_parts_sum_to_the_gap(milestones: Milestones) -> None:
    gap = breakdown(milestones)
    assert gap.gap_ms == (milestones.heard_ns - milestones.speech_ended_ns) / 1e6
    assert sum(gap.parts.model_dump().values()) == pytest.approx(max(0, gap.gap_ms), abs=1e-6)
    for part, ms in (gap.beside or e.LatencyParts()).model_dump().items():
        assert not ms or not getattr(gap.parts, part), "what is on the critical path is not beside it"
        assert ms <= max(0, gap.gap_ms) + 1e-6


NO_DRAFT = Milestones(
    speech_ended_ns=0,
    silence_due_ns=400 * MS,
    words=Recognised(320 * MS, 450 * MS),
    turn_ended_ns=460 * MS,
    reply_started_ns=465 * MS,
    first_token_ns=565 * MS,
    clause_ns=605 * MS,
    first_chunk_ns=665 * MS,
    sound_at_door_ns=667 * MS,
    at_door_ns=667 * MS,
    heard_ns=707 * MS,
)


def test_without_a_draft_all_follows_the_turns_end() -> None:
    gap = breakdown(NO_DRAFT)
    assert (gap.gap_ms, gap.waited_for, gap.ready_before_ms, gap.beside) == (707, "sound", None, None)
    # The words came after the silence had lasted long enough: it is not the silence that was waited for.
    assert gap.parts == e.LatencyParts(
        vad_ms=320,
        stt_ms=130,
        endpointing_ms=10,
        bus_ms=7,
        first_token_ms=100,
        clause_ms=40,
        first_audio_ms=60,
        playback_ms=40,
    )
    in_time = dataclasses.replace(NO_DRAFT, words=Recognised(50 * MS, 200 * MS))
    assert breakdown(in_time).parts.endpointing_ms == 460


DRAFT = Milestones(
    speech_ended_ns=0,
    silence_due_ns=400 * MS,
    words=Recognised(40 * MS, 150 * MS),
    turn_ended_ns=403 * MS,
    draft_words=Recognised(40 * MS, 150 * MS),
    reply_started_ns=160 * MS,
    committed_ns=405 * MS,
    first_token_ns=200 * MS,
    clause_ns=250 * MS,
    first_chunk_ns=300 * MS,
    sound_at_door_ns=302 * MS,
    leave_at_door_ns=407 * MS,
    at_door_ns=407 * MS,
    heard_ns=450 * MS,
)


def test_a_draft_that_is_ready_when_the_turn_ends_costs_nothing() -> None:
    gap = breakdown(DRAFT)
    assert gap.parts == e.LatencyParts(endpointing_ms=403, bus_ms=4, playback_ms=43)
    assert (gap.waited_for, gap.ready_before_ms) == ("turn", 105)
    assert gap.beside == e.LatencyParts(stt_ms=110, first_token_ms=40, clause_ms=50, first_audio_ms=50)


def test_a_draft_that_is_late_is_what_was_waited_for_and_the_silence_is_beside_it() -> None:
    late = {"first_token_ns": 300, "clause_ns": 424, "first_chunk_ns": 557, "sound_at_door_ns": 560}
    at_ns = {name: ms * MS for name, ms in late.items()}
    gap = breakdown(dataclasses.replace(DRAFT, **at_ns, at_door_ns=560 * MS, heard_ns=565 * MS))  # type: ignore[arg-type]
    assert gap.parts == e.LatencyParts(
        vad_ms=40, stt_ms=110, bus_ms=13, first_token_ms=140, clause_ms=124, first_audio_ms=133, playback_ms=5
    )
    assert (gap.waited_for, gap.ready_before_ms) == ("sound", 153)
    assert gap.beside == e.LatencyParts(endpointing_ms=403)


def test_what_a_draft_did_while_the_caller_still_spoke_costs_nothing() -> None:
    early = dataclasses.replace(
        DRAFT, speech_ended_ns=250 * MS, first_chunk_ns=500 * MS, sound_at_door_ns=502 * MS, at_door_ns=502 * MS
    )
    gap = breakdown(dataclasses.replace(early, heard_ns=550 * MS))
    assert gap.parts == e.LatencyParts(first_audio_ms=250, bus_ms=2, playback_ms=48)
    assert gap.beside == e.LatencyParts(endpointing_ms=153)


def _facts(**heard: Any) -> list[e.Event]:
    def fact(event_class: type[e.Event], at_ms: int, **fields: object) -> e.Event:
        known = {"event_id": f"{event_class.__name__}{at_ms}", "session_id": "s", "turn_id": "t"}
        return event_class.model_validate(known | {"time_ns": at_ms * MS} | fields)

    evidence = {"silence_ms": 400, "required_silence_ms": 350, "speech_ended_ns": 0, "text_ready_ns": 100 * MS}
    clause = {"reply_id": "r", "index": 0, "text": "Hi."}
    sound = {"samples": 9, "sample_rate_hz": 24_000, "first_chunk_ns": 600 * MS}
    words = {"utterance_id": "u", "participant_id": "p", "text": "hi", "asked_ns": 30 * MS}
    return [
        fact(e.TranscriptRevised, 110, **words, revision=1, settled=True),
        fact(e.ReplyStarted, 150, reply_id="old", draft=True, text="hi", cause_id="TranscriptRevised110"),
        fact(e.UtteranceTranscribed, 400, **words, start_sample=0, end_sample=9),
        fact(e.TurnEnded, 401, participant_id="p", text="hi", evidence=evidence),
        fact(e.ReplyStarted, 405, reply_id="r", text="hi"),
        fact(e.ReplyClauseWritten, 520, **clause, first_token_ns=500 * MS),
        fact(e.ClauseSynthesized, 640, **clause, **sound),
        fact(e.PlaybackStarted, 650, **{"reply_id": "r", **heard}),
    ]


def test_the_milestones_of_a_turn_are_found_in_its_facts() -> None:
    milestones = milestones_of(_facts(), "t")
    assert milestones is not None
    gap = breakdown(milestones)
    assert gap.gap_ms == 650
    assert gap.parts == e.LatencyParts(
        endpointing_ms=401, bus_ms=4, first_token_ms=95, clause_ms=20, first_audio_ms=80, playback_ms=50
    )
    measured = dataclasses.replace(milestones, speech_ended_ns=-20 * MS, heard_ns=700 * MS)
    assert breakdown(measured).gap_ms == 720


def test_a_draft_is_followed_to_the_words_that_it_answers() -> None:
    def of_draft(fact: e.Event) -> e.Event:
        changes = {"reply_id": "old"} if getattr(fact, "reply_id", None) == "r" else {}
        return fact.model_copy(update=changes)

    facts = [of_draft(fact) for fact in _facts() if not (isinstance(fact, e.ReplyStarted) and not fact.draft)]
    milestones = milestones_of(facts, "t")
    assert milestones is not None
    assert milestones.draft_words == Recognised(30 * MS, 110 * MS)
    gap = breakdown(milestones)
    assert gap.parts == e.LatencyParts(
        vad_ms=30, stt_ms=80, bus_ms=40, first_token_ms=350, clause_ms=20, first_audio_ms=80, playback_ms=50
    )
    assert gap.beside == e.LatencyParts(endpointing_ms=401)


def test_words_that_were_asked_for_before_the_silence_was_noticed_count_from_then() -> None:
    noticed = {"asked_ns": 10 * MS, "noticed_ns": 90 * MS}
    facts = [
        fact.model_copy(update=noticed) if isinstance(fact, (e.TranscriptRevised, e.UtteranceTranscribed)) else fact
        for fact in _facts()
    ]
    of_turn, of_draft = reply_milestones(facts, "r", 650 * MS), reply_milestones(facts, "old", 650 * MS)
    assert of_turn is not None
    assert of_turn.words == Recognised(90 * MS, 100 * MS)
    assert of_draft is not None
    assert of_draft.draft_words == Recognised(90 * MS, 110 * MS)


def test_what_the_door_has_said_about_what_came_last_counts() -> None:
    milestones = dataclasses.replace(DRAFT, leave_at_door_ns=None, sound_at_door_ns=None, waited_for="sound")
    assert breakdown(milestones).waited_for == "sound"


def test_waiting_for_a_model_that_never_spoke_is_not_blamed_on_the_voice() -> None:
    facts = [fact.model_copy(update={"first_token_ns": None}) for fact in _facts()]
    milestones = milestones_of(facts, "t")
    assert milestones is not None
    parts = breakdown(milestones).parts
    assert (parts.first_token_ms, parts.clause_ms, parts.first_audio_ms) == (115, 0, 80)


def test_typed_text_and_unheard_turns_have_no_milestones() -> None:
    facts = _facts()
    assert milestones_of(facts[:-1], "t") is None
    assert milestones_of(facts, "other") is None
    assert milestones_of([fact for fact in facts if not isinstance(fact, e.TurnEnded)], "t") is None
