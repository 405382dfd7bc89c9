"""What the slowest turns waited for, in figures and words."""

from typing import Any, get_args

import pytest

from actors.transcript.patience import Reason
from contracts import events as e
from infra.session.turn_latency import latency_figures, turn_latencies

MS = 1_000_000


def _turn(turn: str = "t", /, **late: int) -> list[e.Event]:
    """Return a turn that is answered by a draft: `late` moves milestones, ms after the end of speech."""
    at = {"words": 150, "started": 160, "token": 220, "clause": 260, "sound": 320, "ended": 403, "heard": 430} | late

    def fact(event_class: type[e.Event], at_ms: int, **fields: Any) -> e.Event:
        known = {"event_id": f"{event_class.__name__}-{turn}", "session_id": "s", "turn_id": turn}
        return event_class.model_validate(known | {"time_ns": at_ms * MS} | fields)

    words = {"utterance_id": "u", "participant_id": "p", "text": "what now", "asked_ns": 40 * MS}
    evidence = {
        "silence_ms": 400,
        "end_of_turn_probability": 0.31,
        "required_silence_ms": 400,
        "speech_ended_ns": 0,
        "text_ready_ns": at["words"] * MS,
    }
    reply = {"reply_id": f"r-{turn}"}
    sound = {"samples": 9, "sample_rate_hz": 24_000, "first_chunk_ns": at["sound"] * MS, "engine": "piper"}
    revised = fact(e.TranscriptRevised, at["words"], **words, revision=1, settled=True)
    return [
        revised,
        fact(e.ReplyStarted, at["started"], **reply, draft=True, text="what now", cause_id=revised.event_id, model="m"),
        fact(e.ReplyClauseWritten, at["clause"], **reply, index=0, text="Well now,", first_token_ns=at["token"] * MS),
        fact(e.UtteranceTranscribed, at["ended"], **words, start_sample=0, end_sample=9, engine="moonshine"),
        fact(e.TurnEnded, at["ended"], participant_id="p", text="what now", evidence=evidence),
        fact(e.ReplyCommitted, at["ended"] + 2, **reply),
        fact(e.ClauseSynthesized, at["sound"] + 9, **reply, index=0, text="Well now,", **sound),
        fact(e.PlaybackStarted, at["heard"], **reply, gap_ms=at["heard"], parts=e.LatencyParts(endpointing_ms=400)),
    ]


def test_an_older_recording_gets_its_critical_path_from_its_facts() -> None:
    [row] = turn_latencies(_turn(token=400, clause=520, sound=600, heard=620))
    assert (row.gap_ms, row.waited_for, row.draft) == (620, "sound", True)
    assert row.parts == {
        "vad_ms": 40,
        "stt_ms": 110,
        "bus_ms": 10,
        "first_token_ms": 240,
        "clause_ms": 120,
        "first_audio_ms": 80,
        "playback_ms": 20,
    }
    assert row.beside == {"endpointing_ms": 403}
    assert row.ready_before_ms == 195


def test_what_the_door_said_is_kept() -> None:
    said = {"waited_for": "turn", "ready_before_ms": 70.0, "beside": e.LatencyParts(stt_ms=110)}
    facts = [fact.model_copy(update=said) if isinstance(fact, e.PlaybackStarted) else fact for fact in _turn()]
    [row] = turn_latencies(facts)
    assert (row.parts, row.beside, row.ready_before_ms) == ({"endpointing_ms": 400}, {"stt_ms": 110}, 70)


@pytest.mark.parametrize(
    ("late", "longest", "cause"),
    [
        ({}, "endpointing_ms", "400 ms of silence were required: the end-of-turn model said 0.31"),
        (
            {"ended": 480, "heard": 520},
            "endpointing_ms",
            "400 ms of silence were required: the end-of-turn model said 0.31; the log had the turn's end 80 ms later",
        ),
        (
            {"token": 900, "clause": 950, "sound": 980, "heard": 990},
            "first_token_ms",
            "the language model (m) took 740 ms to its first token",
        ),
        (
            {"clause": 900, "sound": 980, "heard": 990},
            "clause_ms",
            "the language model (m) took 680 ms to its first clause after that",
        ),
        (
            {"sound": 990, "heard": 999},
            "first_audio_ms",
            "the voice (piper) took 730 ms to the first sound of a clause of 2 words",
        ),
        (
            {"words": 700, "started": 710, "token": 720, "clause": 730, "sound": 740, "ended": 705, "heard": 750},
            "stt_ms",
            "speech to text (moonshine) took 660 ms for the words",
        ),
        ({"heard": 900}, "playback_ms", "the first sound was heard 495 ms after it was sent"),
    ],
)
def test_the_part_that_took_longest_is_the_cause(late: dict[str, int], longest: str, cause: str) -> None:
    [row] = turn_latencies(_turn(**late))
    assert (row.longest, row.cause) == (longest, cause)


def _by_words(reason: str, *scored: dict[str, Any], at_ms: int = 300, **found: float) -> str:
    """Return the cause of a turn that was ended by its words, after what a language model said of them."""
    facts = _turn(ended=max(403, at_ms + 3), heard=max(430, at_ms + 30))
    known = {"session_id": "s", "turn_id": "t", "time_ns": at_ms * MS, "participant_id": "p"}
    said = [e.TranscriptScored.model_validate(known | {"event_id": str(n)} | each) for n, each in enumerate(scored)]
    for place, fact in enumerate(facts):
        if isinstance(fact, e.TurnEnded) and fact.evidence is not None:
            evidence = fact.evidence.model_copy(update={"patience": "quick", "reason": reason, **found})
            facts[place] = fact.model_copy(update={"evidence": evidence})
    [row] = turn_latencies([*facts, *said])
    return row.cause


@pytest.mark.parametrize("reason", [reason for reason in get_args(Reason) if reason != "no-score"])
def test_each_reason_of_a_silence_is_told_in_words(reason: str) -> None:
    said = _by_words(reason)
    assert said.startswith("400 ms of silence were required: ")
    assert not said.endswith(f": {reason} (quick)")


@pytest.mark.parametrize(
    ("scored", "why"),
    [
        ([], "no local language model said whether the words are whole"),
        (
            [{"problem": "the local model does not answer within 1 s"}],
            "nothing said whether the words are whole: the local model does not answer within 1 s",
        ),
        ([{"end_probability": 0.4}], "the language model had not said in time whether the words are whole"),
    ],
)
def test_words_that_were_not_scored_have_a_reason(scored: list[dict[str, Any]], why: str) -> None:
    assert _by_words("no-score", *scored) == f"400 ms of silence were required: {why} (quick)"


def test_a_score_that_came_after_the_silence_is_told() -> None:
    said = _by_words("sure", {"end_probability": 0.9}, at_ms=520, score=2.0)
    told = "400 ms of silence were required: the words sound whole (quick, score 2.00)"
    assert said == f"{told}; the score came 520 ms after the end of speech"
    assert _by_words("sure", {"end_probability": 0.9}, score=2.0) == told


def test_figures_say_how_often_a_part_was_waited_for() -> None:
    turns = turn_latencies([*_turn("a"), *_turn("b"), *_turn("c", token=400, clause=520, sound=600, heard=620)])
    figures = latency_figures(turns)
    assert (figures.turns, figures.drafts, figures.waited_for_turn) == (3, 3, 2)
    assert (figures.p50_ms, figures.most_ms) == (430, 620)
    assert (figures.parts["endpointing_ms"].on_path, figures.parts["endpointing_ms"].beside) == (2, 1)
    assert (figures.parts["stt_ms"].on_path, figures.parts["stt_ms"].beside) == (1, 2)
    assert figures.parts["endpointing_ms"].longest == 2
    assert figures.ready_before_p50_ms == 85
    assert figures.late_by_p50_ms == 195


def test_without_turns_all_is_zero() -> None:
    figures = latency_figures(turn_latencies([]))
    assert (figures.turns, figures.p50_ms, figures.parts, figures.ready_before_p50_ms) == (0, 0, {}, None)


def opener(retracted: bool) -> e.OpenerPlayed:
    known = {"event_id": f"opener-{retracted}", "session_id": "s", "turn_id": "t", "time_ns": 420 * MS}
    heard = {"played_samples": 2_400, "sample_rate_hz": 24_000, "gap_ms": 250, "retracted": retracted}
    return e.OpenerPlayed.model_validate(known | heard | {"reply_id": "o", "text": "Well,"})


def test_openers_are_told_apart_from_the_answer_and_those_taken_back_are_counted() -> None:
    kept = latency_figures(turn_latencies([*_turn(), opener(retracted=False)]))
    assert (kept.p50_ms, kept.sound_p50_ms, kept.false_starts) == (430, 250, 0)
    taken_back = latency_figures(turn_latencies([*_turn(), opener(retracted=True)]))
    assert (taken_back.p50_ms, taken_back.sound_p50_ms, taken_back.false_starts) == (430, 430, 1)


def test_one_after_whose_end_the_caller_goes_on_was_a_false_start() -> None:
    known = {"event_id": "retracted", "session_id": "s", "turn_id": "t", "time_ns": 430 * MS, "participant_id": "p"}
    retracted = e.OpenerRetracted.model_validate(known | {"reply_id": "o", "went_on_ns": 425 * MS})
    figures = latency_figures(turn_latencies([*_turn(), opener(retracted=False), retracted]))
    assert (figures.sound_p50_ms, figures.false_starts) == (430, 1)
