"""When the samples of a reply were heard."""

from typing import Any

from contracts import events as e
from infra.session.heard_times import HeardTimes, Span

S = 1_000_000_000


def _heard(*facts: tuple[type[e.Event], int, dict[str, Any]]) -> HeardTimes:
    return HeardTimes(
        kind(event_id="x", session_id="s", time_ns=at_ns, reply_id="r", **fields) for kind, at_ns, fields in facts
    )


def test_a_reply_is_heard_from_its_start_on_and_after_a_pause_where_it_stopped() -> None:
    reply = _heard(
        (e.PlaybackStarted, 10 * S, {}),
        (e.PlaybackPaused, 12 * S, {"played_samples": 1000}),
        (e.PlaybackResumed, 15 * S, {"played_samples": 1000}),
        (e.PlaybackFinished, 17 * S, {"played_samples": 3000, "heard_text": ""}),
    ).replies["r"]
    assert reply.heard(1000) == [Span(10 * S, 0, 1000), Span(15 * S, 1000, 3000)]
    assert (reply.when_ns(500, 1000), reply.when_ns(2000, 1000)) == (10 * S + S // 2, 16 * S)
    assert (reply.when_ns(1000, 1000), reply.when_ns(1000, 1000, begins=True)) == (11 * S, 15 * S)
    assert reply.when_ns(3001, 1000) is None
    assert reply.over_ns == 17 * S


def test_playback_does_not_resume_before_it_had_stopped() -> None:
    reply = _heard(
        (e.PlaybackStarted, 10 * S, {}),
        (e.PlaybackPaused, 11 * S, {"played_samples": 1500}),
        (e.PlaybackResumed, 11 * S, {"played_samples": 1500}),
    ).replies["r"]
    assert reply.heard(1000)[1] == Span(11 * S + S // 2, 1500, None)


def test_what_was_interrupted_before_it_was_heard_has_no_span() -> None:
    reply = _heard((e.PlaybackInterrupted, S, {"played_samples": 0, "heard_text": ""})).replies["r"]
    assert (reply.heard(1000), reply.over_ns) == ([], S)


def test_a_reply_that_stalls_is_heard_on_from_there_when_it_goes_on() -> None:
    reply = _heard(
        (e.PlaybackStarted, 10 * S, {"played_samples": 200, "heard_ns": 10 * S - S // 10}),
        (e.PlaybackStalled, 12 * S, {"played_samples": 1000, "heard_ns": 11 * S, "cause": "late-sound"}),
        (e.PlaybackResumed, 15 * S, {"played_samples": 1000, "heard_ns": 14 * S, "paused_ms": 3000}),
        (e.PlaybackFinished, 17 * S, {"played_samples": 3000, "heard_text": ""}),
    ).replies["r"]
    assert reply.heard(1000) == [Span(10 * S - 3 * S // 10, 0, 1000), Span(14 * S, 1000, 3000)]
    assert reply.when_ns(100, 1000) == 10 * S - S // 5


def test_what_began_earlier_than_was_said_is_moved() -> None:
    reply = _heard(
        (e.PlaybackStarted, 10 * S, {}),
        (e.PlaybackResumed, 11 * S, {"played_samples": 1200, "heard_ns": 11 * S}),
    ).replies["r"]
    assert reply.heard(1000) == [Span(10 * S - S // 5, 0, None)]


def test_what_turns_out_not_to_have_been_heard_is_heard_later() -> None:
    reply = _heard(
        (e.PlaybackStarted, 10 * S, {}),
        (e.PlaybackStalled, 12 * S, {"played_samples": 2000, "cause": "late-sound"}),
        (e.PlaybackResumed, 13 * S, {"played_samples": 1500, "heard_ns": 13 * S, "paused_ms": 1000}),
    ).replies["r"]
    assert reply.heard(1000) == [Span(10 * S, 0, 1500), Span(13 * S, 1500, None)]


def test_while_a_client_reports_nothing_it_is_doubtful_what_is_heard() -> None:
    facts: list[tuple[type[e.Event], int, dict[str, Any]]] = [
        (e.PlaybackStarted, 10 * S, {}),
        (e.PlaybackStalled, 13 * S, {"played_samples": 1500, "heard_ns": 11 * S, "cause": "silent"}),
    ]
    assert _heard(*facts).replies["r"].doubtful_ns == 11 * S
    facts.append((e.PlaybackResumed, 14 * S, {"played_samples": 1500, "heard_ns": 11 * S}))
    assert _heard(*facts).replies["r"].doubtful_ns is None


def test_a_break_within_the_first_or_last_20_ms_of_a_word_is_not_within_it() -> None:
    reply = _heard(
        (e.PlaybackStarted, 10 * S, {}),
        (e.PlaybackPaused, 12 * S, {"played_samples": 1000}),
        (e.PlaybackResumed, 15 * S, {"played_samples": 1000}),
        (e.PlaybackFinished, 17 * S, {"played_samples": 3000, "heard_text": ""}),
    ).replies["r"]
    ms = S // 1000
    assert reply.word_ns(0, 1010, 1000) == (10 * S, 11 * S + 10 * ms)
    assert reply.word_ns(0, 1030, 1000) == (10 * S, 15 * S + 30 * ms)
    assert reply.word_ns(990, 1500, 1000) == (15 * S - 10 * ms, 15 * S + 500 * ms)
    assert reply.word_ns(970, 1500, 1000) == (11 * S - 30 * ms, 15 * S + 500 * ms)
    assert reply.word_ns(2500, 3001, 1000) is None


CUE = {"participant_id": "p", "text": "Well,", "reason": "between", "silence_ms": 210, "required_silence_ms": 700}
PLAYED = {"text": "Well,", "played_samples": 300, "sample_rate_hz": 1000, "started_ns": 10 * S, "started_samples": 100}


def test_an_opener_lies_where_it_was_heard_and_until_then_that_is_in_doubt() -> None:
    cued = (e.OpenerCued, 9 * S, CUE | {"speech_ended_ns": 8 * S})
    assert _heard(cued).replies["r"].doubtful_ns == 9 * S
    opener = _heard(cued, (e.OpenerPlayed, 11 * S, PLAYED)).replies["r"]
    assert opener.heard(1000) == [Span(10 * S - S // 10, 0, 300)]
    assert (opener.doubtful_ns, opener.over_ns) == (None, 11 * S)
    assert opener.loudness < 1


def test_an_opener_of_which_nothing_is_told_was_not_heard_once_an_answer_is() -> None:
    heard = _heard((e.OpenerCued, 9 * S, CUE | {"speech_ended_ns": 8 * S}))
    heard.apply(e.PlaybackStarted(event_id="y", session_id="s", time_ns=12 * S, reply_id="a"))
    assert (heard.replies["r"].doubtful_ns, heard.replies["r"].over_ns) == (None, 12 * S)


def test_an_opener_of_which_nobody_knows_when_it_was_heard_is_over_and_lies_nowhere() -> None:
    cued = (e.OpenerCued, 9 * S, CUE | {"speech_ended_ns": 8 * S})
    opener = _heard(cued, (e.OpenerPlayed, 11 * S, PLAYED | {"started_ns": None})).replies["r"]
    assert (opener.heard(1000), opener.doubtful_ns, opener.over_ns) == ([], None, 11 * S)
