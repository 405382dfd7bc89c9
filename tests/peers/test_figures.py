from tests.peers.figures import OURS, Placed, Run, as_json_text, calls_in, groups


def placed(system: str, wav: str, *onsets_ms: float, pause: bool = False, problem: str = "") -> Placed:
    return Placed(system, wav, pause, "what time is it", onsets_ms, "what time is it", problem)


def test_the_gap_is_to_the_first_answer_that_begins_after_all_was_said() -> None:
    assert placed(OURS, "a.wav", 430.0, 2100.0).gap_ms == 430
    assert placed(OURS, "a.wav", -900.0, 640.0).gap_ms == 640
    assert placed(OURS, "a.wav").gap_ms is None


def test_an_answer_before_the_end_of_speech_is_a_cut_off_and_no_gap() -> None:
    early = placed(OURS, "a.wav", -900.0)
    assert early.is_cut_off
    assert early.gap_ms is None
    assert not placed(OURS, "a.wav", 430.0).is_cut_off


def test_the_plain_calls_and_those_with_a_pause_are_counted_apart_and_together() -> None:
    calls = [
        placed(OURS, "a.wav", 400.0),
        placed(OURS, "b.wav", -100.0, 500.0, pause=True),
        placed("other", "a.wav", 900.0),
        placed("other", "b.wav", 1500.0, pause=True),
    ]
    found = groups(calls)
    assert list(found) == ["plain", "with a pause", "all"]
    assert found["plain"][OURS].median_ms == 400
    assert found["with a pause"][OURS].cut_off == 1
    assert found["with a pause"]["other"].cut_off == 0
    assert found["all"][OURS].median_ms == 450
    assert found["all"]["other"].answered == 2


def test_calls_of_one_kind_are_one_group() -> None:
    assert list(groups([placed(OURS, "a.wav", 400.0)])) == ["all"]


def test_systems_are_compared_call_by_call_over_what_both_answered() -> None:
    calls = [
        placed(OURS, "a.wav", 400.0),
        placed(OURS, "b.wav", 500.0),
        placed(OURS, "c.wav"),
        placed("other", "a.wav", 600.0),
        placed("other", "b.wav", problem="gone"),
        placed("other", "c.wav", 10_000.0),
    ]
    all_calls = groups(calls)["all"]
    assert all_calls["other"].slower_ms == 200
    assert all_calls[OURS].slower_ms is None


def test_the_same_call_in_two_rounds_is_paired_within_its_round() -> None:
    calls = [
        placed(OURS, "a.wav", 400.0),
        placed("other", "a.wav", 500.0),
        placed(OURS, "a.wav", 1000.0),
        placed("other", "a.wav", 1100.0),
    ]
    assert groups(calls)["all"]["other"].slower_ms == 100


def test_words_of_a_call_that_failed_are_not_counted_as_errors() -> None:
    calls = [placed("other", "a.wav", 500.0), Placed("other", "b.wav", False, "stop", problem="gone")]
    found = groups(calls)["all"]["other"]
    assert found.word_error_rate == 0
    assert (found.calls, found.answered) == (2, 1)


def test_no_call_that_was_answered_still_gives_a_table() -> None:
    found = groups([placed("other", "a.wav", problem="gone")])["all"]["other"]
    assert (found.median_ms, found.p95_ms, found.slower_ms, found.word_error_rate) == (0, 0, None, None)


def test_the_json_of_a_run_is_read_back_whole() -> None:
    calls = (placed(OURS, "a.wav", -20.0, 400.0), placed("other", "a.wav", problem="gone"))
    assert calls_in(as_json_text(Run({"patience": ""}, calls))) == calls
