import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.transcript.plausible import heard, judge, speaks_otherwise, variation_of
from infra.engines.stt import Recognition

LOOP = "I'm not going to do that. "

LOOPS = [
    LOOP * 18,
    LOOP * 4 + "I'm not going",
    "Thank you. " * 9,
    "I don't know. " * 6,
    "No, " * 40,
    "you " * 12,
    "Hahahahahahahahahahahahahahahaha",
    "It's not a good swatch. It's a good swatch. " * 6,
    "We'll be right back. Will be right back. We'll be right back. " * 4,
]

SAID = [
    "No no no!",
    "No, no, no, no, no, no, no, no.",
    "Knock knock.",
    "Knock knock knock knock.",
    "Yeah, yeah, yeah, yeah.",
    "Stop! Stop! Stop! Stop!",
    "Hello? Hello? Hello? Can you hear me?",
    "I don't know, I don't know, I don't know.",
    "Can I speak to a person, please? Can I speak to a person, please? Can I speak to a person, please?",
    "Bye bye, bye bye, bye.",
    "My number is zero zero zero zero, zero zero zero zero, zero zero.",
    "0 0 0 0 0 0 0 0 0 0 0 0",
    "Had he had had, he would have had had.",
    "Row, row, row your boat, gently down the stream.",
    "It was very, very, very, very, very good.",
    "That that is, is; that that is not, is not.",
    "Blah blah blah, and so on, and so on, and so on.",
]


@pytest.mark.parametrize("text", LOOPS)
def test_a_text_that_is_nothing_but_a_loop_is_no_turn(text: str) -> None:
    assert judge(text, len(text.split()) / 4).reason == "repetition"
    assert judge(text, len(text.split()) / 4).text == ""


@pytest.mark.parametrize("text", SAID)
def test_what_people_do_repeat_stays_as_it_is(text: str) -> None:
    for confidence in (None, 0.0, 0.82, 0.95):
        assert judge(text, max(1.0, len(text.split()) / 4), confidence).text == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("I want to book a table. " + LOOP * 8, "I want to book a table. I'm not going to do that"),
        ("Tell me about " + "the weather " * 9, "Tell me about the weather"),
        ("What is it, " + "so, " * 30 + "tell me?", "What is it, so tell me?"),
    ],
)
def test_true_words_before_a_loop_are_kept_with_its_first_round(text: str, kept: str) -> None:
    judged = judge(text, 20.0)
    assert (judged.text, judged.reason) == (kept, None)


def test_an_engine_that_is_sure_of_a_repetition_is_believed() -> None:
    text = "Let me speak to a person. " * 5
    assert judge(text, 9.0, 0.93).text == text
    assert judge(text, 9.0, 0.6).reason == "repetition"


@pytest.mark.parametrize(
    ("words", "seconds"), [(30, 1.0), (40, 3.0), (12, 0.4), (7, 0.3)], ids=["30/1s", "40/3s", "12/0.4s", "7/0.3s"]
)
def test_more_words_than_anybody_can_say_are_none(words: int, seconds: float) -> None:
    text = " ".join(f"word{number}" for number in range(words))
    assert judge(text, seconds).reason == "too-fast"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Yes.", 0.35),
        ("What is it?", 0.6),
        ("I have no idea what you are talking about.", 1.5),
        ("I'd like to know whether you could tell me when the next train to the city leaves, please.", 3.0),
    ],
)
def test_fast_speech_stays(text: str, seconds: float) -> None:
    assert judge(text, seconds).text == text


@pytest.mark.parametrize(
    ("text", "seconds", "confidence", "variation_db", "reason"),
    [
        ("Of where the pellet lost could you pay,", 2.4, 0.30, 50.0, "language"),
        ("Sir Ecuador, Okubaida,", 1.7, 0.40, 40.0, "language"),
        ("I'm going to take a picture.", 1.8, 0.31, 5.5, "unlikely"),
        ("I'm not going to be able to do anything.", 3.0, 0.56, 10.0, "unlikely"),
        ("Oh, yeah.", 0.8, 0.51, 7.0, "unlikely"),
        ("Yeah.", 0.38, 0.50, 80.0, "unlikely"),
        ("I'm going to go. I'm going to go. I'm going to go. I'm", 4.0, 0.66, 40.0, "language"),
        ("Exxx", 0.6, 0.21, 40.0, "unlikely"),
        ("Golf,", 0.5, 0.49, 60.0, None),
        ("Fail better,", 0.8, 0.60, 38.0, None),
        ("What time does the train leave?", 1.8, 0.75, 12.0, None),
        ("What time does the train leave?", 1.8, 0.60, 35.0, None),
        ("What time does the train leave?", 1.8, None, 5.0, None),
        ("What time does the train leave?", 1.8, 0.0, 5.0, None),
    ],
)
def test_words_that_the_engine_is_not_sure_of_are_none(
    text: str, seconds: float, confidence: float | None, variation_db: float, reason: str | None
) -> None:
    judged = judge(text, seconds, confidence, variation_db)
    assert judged.reason == reason
    assert judged.text == ("" if reason else text)


def test_a_crowd_varies_less_than_words_do() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 3000, 32_000)
    words = noise * np.repeat([0.01, 1, 1, 0.02, 1, 1, 1, 0.01], 4_000)
    assert variation_of(noise.astype(np.int16)) < 5
    assert variation_of(words.astype(np.int16)) > 25
    assert variation_of(np.zeros(0, np.int16)) == 0


def test_a_recognition_keeps_what_was_dismissed_for_the_log() -> None:
    loop = Recognition(LOOP * 18, "local", 80.0, 0.7, "en")
    found = heard(loop, np.zeros(160_000, np.int16))
    assert (found.text, found.dismissed, found.dismissed_text) == ("", "repetition", LOOP * 18)
    said = Recognition("Hello there.", "deepgram", 80.0)
    assert heard(said, np.zeros(16_000, np.int16)) == said


@given(st.text(max_size=300), st.floats(0, 60), st.none() | st.floats(0, 1), st.none() | st.floats(0, 90))
def test_any_text_is_judged_and_nothing_is_added(
    text: str, seconds: float, confidence: float | None, variation_db: float | None
) -> None:
    judged = judge(text, seconds, confidence, variation_db)
    assert len(judged.text) <= len(text)
    assert not (judged.text and judged.reason)


FOREIGN = Recognition("", "local", 1, 0.3, "en", dismissed="language", dismissed_text="The sheriff of the shell.")


def recognised(text: str, confidence: float | None) -> Recognition:
    return Recognition(text, "local", 1, confidence, "en")


@pytest.mark.parametrize(
    ("text", "confidence", "counts"),
    [
        ("So they procalled us, he,", 0.55, False),  # "Pour changer…"
        ("What time is it?", 0.7, True),
        ("Yes.", 0.4, True),  # of so few words no engine is surer
        ("What time is it?", None, True),  # an engine that does not tell
    ],
)
def test_after_another_language_an_engine_must_be_surer_of_some_words(
    text: str, confidence: float | None, counts: bool
) -> None:
    assert judge(text, 1.9, confidence, 34).text == text
    assert bool(judge(text, 1.9, confidence, 34, after_another_language=True).text) is counts


def test_who_speaks_another_language_is_taken_to_go_on_until_something_is_surely_understood() -> None:
    assert not speaks_otherwise(False, recognised("What time is it?", 0.55))
    assert speaks_otherwise(False, FOREIGN)
    assert speaks_otherwise(True, recognised("Yes.", 0.5))
    assert speaks_otherwise(True, recognised("", None))
    assert not speaks_otherwise(True, recognised("What time is it?", 0.9))
    assert not speaks_otherwise(True, recognised("What time is it?", None))
