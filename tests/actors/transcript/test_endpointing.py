import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.transcript.endpointing import (
    LIVE_LAG_MS,
    WINDOW_SAMPLES,
    Change,
    Tuning,
    VadState,
    hear,
    is_sure,
    is_unfinished,
    required_silence_ms,
    silence_ms,
)

TUNING = Tuning()
SPEECH, DOUBT, SILENCE = 0.9, 0.4, 0.1


def run(probabilities: list[float]) -> list[tuple[Change, VadState, int]]:
    """Return every change with the state after it and the end of the window that brought it."""
    state, changes = VadState(), []
    for place, probability in enumerate(probabilities):
        state, change = hear(state, place * WINDOW_SAMPLES, probability, TUNING)
        if change is not None:
            changes.append((change, state, (place + 1) * WINDOW_SAMPLES))
    return changes


def test_an_utterance_begins_with_its_first_voiced_window() -> None:
    changes = run([SILENCE] * 3 + [SPEECH] * 4)
    assert [change for change, *_ in changes] == [Change.BEGAN]
    assert changes[0][1].start == 3 * WINDOW_SAMPLES


def test_a_single_voiced_window_is_a_click_and_no_speech() -> None:
    assert run([SILENCE, SPEECH, SILENCE, SPEECH, SILENCE]) == []


def test_a_pause_is_dated_back_to_the_last_voiced_window() -> None:
    changes = run([SPEECH] * 5 + [SILENCE] * 3)
    assert [change for change, *_ in changes] == [Change.BEGAN, Change.PAUSED]
    assert changes[1][1].voiced_end == 5 * WINDOW_SAMPLES
    assert changes[1][2] - changes[1][1].voiced_end == TUNING.pause_samples


def test_doubtful_windows_keep_speech_up_but_do_not_bring_it_back() -> None:
    assert [change for change, *_ in run([SPEECH] * 3 + [DOUBT] * 20)] == [Change.BEGAN]
    closed = run([SPEECH] * 3 + [SILENCE] + [DOUBT] * 20)
    assert [change for change, *_ in closed] == [Change.BEGAN, Change.PAUSED, Change.CLOSED]


def test_speech_after_a_short_pause_is_the_same_utterance_and_after_a_long_one_another() -> None:
    short = run([SPEECH] * 4 + [SILENCE] * 5 + [SPEECH] * 4)
    assert [change for change, *_ in short] == [Change.BEGAN, Change.PAUSED, Change.RESUMED]
    long = run([SPEECH] * 4 + [SILENCE] * 9 + [SPEECH] * 4)
    assert [change for change, *_ in long] == [Change.BEGAN, Change.PAUSED, Change.CLOSED, Change.BEGAN]


@given(st.lists(st.floats(0, 1), max_size=200))
def test_changes_always_alternate_and_positions_stay_in_the_track(probabilities: list[float]) -> None:
    follows = {
        None: {Change.BEGAN},
        Change.BEGAN: {Change.PAUSED},
        Change.PAUSED: {Change.RESUMED, Change.CLOSED},
        Change.RESUMED: {Change.PAUSED},
        Change.CLOSED: {Change.BEGAN},
    }
    previous, last_end = None, 0
    for change, state, now in run(probabilities):
        assert change in follows[previous]
        assert 0 <= state.voiced_end <= now
        if change is Change.BEGAN:
            assert last_end <= state.start < state.voiced_end
        last_end, previous = state.voiced_end, change


@given(st.lists(st.floats(0, 1), max_size=80), st.integers(0, 80))
def test_the_state_machine_may_be_stopped_and_gone_on_with_anywhere(probabilities: list[float], cut: int) -> None:
    whole = state = VadState()
    for place, probability in enumerate(probabilities):
        whole, _ = hear(whole, place * WINDOW_SAMPLES, probability, TUNING)
    for part in (range(min(cut, len(probabilities))), range(min(cut, len(probabilities)), len(probabilities))):
        for place in part:
            state, _ = hear(state, place * WINDOW_SAMPLES, probabilities[place], TUNING)
    assert state == whole


def test_silence_is_measured_in_samples_however_fast_they_come() -> None:
    assert silence_ms(16_000, 8_000, since_frame_ms=0) == 500
    assert silence_ms(16_000, 8_000, since_frame_ms=15) == 515


def test_late_frames_count_little_until_the_caller_has_vanished() -> None:
    assert silence_ms(16_000, 16_000, since_frame_ms=600) == LIVE_LAG_MS
    assert silence_ms(16_000, 16_000, since_frame_ms=1500) == 1500


@pytest.mark.parametrize(
    "text",
    [
        "I would like to book a table for.",
        "Tomorrow I have to.",
        "My sister and I,",
        "I went to the",
        "Um.",
        "When I was a child,",
        "The story that I told you.",
        "Could you please?",
        "And, because",
    ],
)
def test_words_that_break_off_are_unfinished_whatever_the_punctuation(text: str) -> None:
    assert is_unfinished(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello.",
        "Where are you from?",
        "What are you looking for?",
        "Yes I do.",
        "When is the next train?",
        "How long does it take to boil an egg?",
        "No.",
        "Tell me something about the moon.",
        "What time is it?",
    ],
)
def test_whole_sentences_and_answers_are_finished(text: str) -> None:
    assert not is_unfinished(text)


def test_a_sure_model_asks_for_the_shortest_silence_and_a_doubting_one_for_the_longest() -> None:
    assert required_silence_ms(0.95, "Hello.", 400, 900) == 400
    assert required_silence_ms(0.05, "Hello.", 400, 900) == 900
    assert 400 < required_silence_ms(0.45, "Hello.", 400, 900) < 900


def test_a_sure_opinion_is_one_than_which_none_asks_for_less_silence() -> None:
    assert is_sure(0.7)
    assert not is_sure(0.69)
    assert not is_sure(None)
    assert required_silence_ms(0.7, "Hello.", 200, 800) == required_silence_ms(1, "Hello.", 200, 800)
    assert required_silence_ms(0.69, "Hello.", 200, 800) > required_silence_ms(1, "Hello.", 200, 800)


def test_without_an_opinion_the_mean_is_asked_for() -> None:
    assert required_silence_ms(None, "Hello.", 400, 900) == 650


def test_words_that_break_off_ask_for_the_longest_silence_however_sure_the_model_is() -> None:
    assert required_silence_ms(0.95, "I would like to", 400, 900) == 900


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_higher_probability_never_asks_for_more_silence(low: float, high: float) -> None:
    low, high = min(low, high), max(low, high)
    assert required_silence_ms(high, "Hello.", 400, 900) <= required_silence_ms(low, "Hello.", 400, 900)


@pytest.mark.parametrize(
    "text",
    ["How long does it take to boil an egg?", "Do you know a good place for dinner?", "Can you tell me where it is?"],
)
def test_a_whole_question_asks_for_less_silence(text: str) -> None:
    assert required_silence_ms(0.4, text, 400, 900) < required_silence_ms(0.4, text.rstrip("?") + ".", 400, 900)


@pytest.mark.parametrize("text", ["What should I say?", "My sister and I went, right?", "I said what is it to you."])
def test_a_fragment_heard_as_a_question_is_none(text: str) -> None:
    assert required_silence_ms(0.4, text, 400, 900) == required_silence_ms(0.4, "Hello there.", 400, 900)
