"""What was said, by whom and when, out of the facts."""

import pytest

from contracts import events as e
from infra.export.conversation import NotAConversation, conversation_of
from infra.export.formats import to_text
from tests.infra.export.a_call import Facts, a_call, at


def _captions(call: Facts, **tracks: int) -> list[tuple[str, str, int, int]]:
    told = conversation_of(call.facts, tracks)
    return [(each.speaker, each.text, round(each.start_ms), round(each.end_ms)) for each in told.captions]


def test_a_conversation_has_what_was_said_and_what_was_heard_of_the_answers() -> None:
    told = conversation_of(a_call().facts)
    assert [(each.text, [reply.heard for reply in each.replies]) for each in told.exchanges] == [
        ("", ["Hello!"]),
        ("What time is it?", ["It is noon. Time"]),
    ]
    (answer,) = told.exchanges[1].replies
    assert (answer.interrupted, answer.gap_ms, answer.written) == (True, 500, "It is noon. Time for lunch.")


def test_captions_lie_where_the_words_were_said_and_heard() -> None:
    assert _captions(a_call()) == [
        ("agent", "Hello!", 200, 450),
        ("user", "What time is it?", 1000, 2000),
        ("agent", "It is noon.", 2500, 3250),
        ("agent", "Time", 3250, 3500),
    ]


def test_speech_lies_where_the_recording_has_its_track() -> None:
    assert _captions(a_call(), t=16 * 40)[1] == ("user", "What time is it?", 990, 1990)


def test_words_after_a_pause_lie_after_the_pause() -> None:
    call = Facts()
    call.reply("t1", "r", 0, "one two three four")
    call.add(e.PlaybackStarted, 1000, reply_id="r")
    call.add(e.PlaybackPaused, 1700, reply_id="r", played_samples=12_000)
    call.add(e.PlaybackResumed, 3000, reply_id="r", played_samples=12_000)
    call.add(e.PlaybackFinished, 3600, reply_id="r", heard_text="one two three four", played_samples=24_000)
    assert _captions(call) == [("agent", "one two", 1000, 1500), ("agent", "three four", 3000, 3500)]


def test_a_long_clause_is_more_than_one_caption() -> None:
    call = Facts()
    text = " ".join(["wordy"] * 40)
    call.reply("t1", "r", 0, text)
    call.add(e.PlaybackStarted, 0, reply_id="r")
    call.add(e.PlaybackFinished, 10_000, reply_id="r", heard_text=text, played_samples=240_000)
    texts = [caption[1] for caption in _captions(call)]
    assert " ".join(texts) == text
    assert max(map(len, texts)) <= 84


def test_neither_what_was_typed_nor_a_cough_is_a_caption() -> None:
    call = Facts()
    call.utterance("u1", "Ahem.", 500, 700)
    dismissed = {"participant_id": "user", "reply_id": "r", "utterance_id": "u1", "reason": "no-words"}
    call.add(e.InterruptionDismissed, 900, **dismissed)
    call.turn("t1", "Hi.", 1000)
    told = conversation_of(call.facts)
    assert told.captions == []
    assert told.exchanges[0].source == "text"


def test_drafts_and_discarded_replies_are_no_part_of_it() -> None:
    call = Facts()
    call.turn("t1", "Hi.", 1000)
    for reply_id in ("r1", "r2"):
        call.add(e.ReplyStarted, 900, turn_id="t1", reply_id=reply_id, draft=True, text="Hi")
        call.add(e.ReplyClauseWritten, 900, turn_id="t1", reply_id=reply_id, index=0, text="Never heard.")
    call.add(e.ReplyDiscarded, 1000, turn_id="t1", reply_id="r1")
    assert conversation_of(call.facts).exchanges[0].replies == []


def test_the_summary_at_the_end_counts_more_than_the_rolling_one() -> None:
    call = a_call()
    call.add(e.SummaryWritten, 9000, summary="About time.")
    call.add(e.SummaryRevised, 9001, summary="Some time.", through_turn_id="t1", turns=1)
    told = conversation_of(call.facts)
    assert told.summary is not None
    assert told.summary.summary == "About time."


def test_a_session_without_a_beginning_or_with_its_words_erased_is_none() -> None:
    with pytest.raises(NotAConversation, match="no beginning"):
        conversation_of(a_call().facts[1:])
    call = a_call()
    call.add(e.SessionErased, 10_000)
    for facts in (call.facts, call.facts[1:]):
        with pytest.raises(NotAConversation, match="erased"):
            conversation_of(facts)


def test_what_was_heard_of_a_clause_that_was_cut_off_while_its_sound_was_made_is_a_caption() -> None:
    call = Facts()
    call.turn("t1", "What time is it?", 100)
    call.reply("t1", "r1", 200, "It is noon.")
    names = {"turn_id": "t1", "reply_id": "r1"}
    call.add(e.ReplyClauseWritten, 300, index=1, text=" Time for lunch, a walk, and some tea.", **names)
    call.add(e.PlaybackStarted, 400, **names)
    call.add(e.PlaybackStalled, 1400, played_samples=18_000, cause="late-sound", heard_ns=at(1150), **names)
    call.add(e.PlaybackResumed, 2000, played_samples=18_000, heard_ns=at(2000), paused_ms=850, **names)
    cut = {"heard_text": "It is noon. Time for lunch,", "played_samples": 48_000, "clause_index": 1}
    call.add(e.PlaybackInterrupted, 3300, reason="barge-in", **cut, **names)
    assert ("agent", "Time for lunch,", 2000, 3023) in _captions(call)


def test_an_opener_is_told_beside_the_answer_and_is_no_part_of_it() -> None:
    call = Facts()
    call.utterance("u1", "I had a busy day.", 500, 1_500)
    sound = {"reply_id": "o", "text": "Well,", "played_samples": 7_000, "sample_rate_hz": 24_000, "gap_ms": 300}
    call.add(e.OpenerPlayed, 2_200, turn_id="t1", started_ns=at(1_800), ended_ns=at(2_100), **sound)
    call.turn("t1", "I had a busy day.", 2_210, "u1")
    call.reply("t1", "r", 2_220, "Tell me more.")
    call.add(e.PlaybackStarted, 2_300, reply_id="r", turn_id="t1", gap_ms=800)
    call.add(e.PlaybackFinished, 3_050, reply_id="r", turn_id="t1", heard_text="Tell me more.", played_samples=18_000)
    told = conversation_of(call.facts)
    (exchange,) = told.exchanges
    (opener,) = exchange.openers
    assert (opener.text, opener.start_ms, opener.end_ms, opener.retracted) == ("Well,", 1_800, 2_100, False)
    assert [reply.heard for reply in exchange.replies] == ["Tell me more."]
    assert [caption.text for caption in told.captions] == ["I had a busy day.", "Tell me more."]
    assert "Agent: Well, (opener)" in to_text(told)


def test_an_opener_after_which_the_caller_goes_on_was_taken_back_even_if_no_turn_came_of_it() -> None:
    call = Facts()
    sound = {"reply_id": "o", "text": "Well,", "played_samples": 7_000, "sample_rate_hz": 24_000, "gap_ms": 300}
    call.add(e.OpenerPlayed, 2_200, turn_id="t1", started_ns=at(1_800), ended_ns=at(2_100), **sound)
    call.add(e.OpenerRetracted, 2_250, turn_id="t1", participant_id="p", reply_id="o", went_on_ns=at(2_240))
    told = conversation_of(call.facts)
    (exchange,) = told.exchanges
    assert [opener.retracted for opener in exchange.openers] == [True]
    assert "Agent: Well, (opener, taken back)" in to_text(told)
