"""How long a silence must last, by what was said."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.transcript.patience import (
    PATIENCES,
    WEIGHTS_FILE,
    Asked,
    BadWeights,
    Patience,
    SpokenSoFar,
    TurnWeights,
    asked_by,
    is_answer,
    is_waited_for,
    required,
    score_of,
    weights_in,
)

WEIGHTS = weights_in("")
BALANCED = WEIGHTS.lengths["balanced"]


def test_words_that_sound_whole_wait_least_and_words_that_go_on_longest() -> None:
    whole = required(SpokenSoFar("Where can I find the nearest train station?", 0.9), "balanced", WEIGHTS)
    assert (whole.silence_ms, whole.reason) == (200, "sure")
    going_on = required(SpokenSoFar("I would like to order a", 0.001), "balanced", WEIGHTS)
    assert (going_on.silence_ms, going_on.reason) == (1100, "goes-on")
    between = required(SpokenSoFar("Please remind me to call my mother.", 0.6), "balanced", WEIGHTS)
    assert (between.silence_ms, between.reason) == (700, "between")


def test_a_comma_of_the_recogniser_is_doubt() -> None:
    without = score_of("I would like a table at seven.", 0.5, WEIGHTS.weights)
    with_comma = score_of("I would like a table at seven,", 0.5, WEIGHTS.weights)
    assert without is not None
    assert with_comma is not None
    assert with_comma < without


@pytest.mark.parametrize("text", ["Hello.", "Good morning.", "Hey there,", "Hello, good evening!"])
def test_a_greeting_waits_for_what_it_leads_to(text: str) -> None:
    found = required(SpokenSoFar(text, 0.99), "balanced", WEIGHTS)
    assert (found.silence_ms, found.reason) == (BALANCED.middle_ms, "greeting")
    asks = required(SpokenSoFar("Hello, where are you?", 0.99), "balanced", WEIGHTS)
    assert asks.reason == "sure"


@pytest.mark.parametrize(
    ("text", "probability"),
    [("What time is it?", 0.35), ("Where are you?", 0.38), ("Can you play some jazz?", 0.56), ("Hi. Who is it?", 0.25)],
)
def test_a_short_question_that_may_well_be_whole_waits_least(text: str, probability: float) -> None:
    for patience in ("quick", "balanced"):
        found = required(SpokenSoFar(text, probability), patience, WEIGHTS)
        assert (found.silence_ms, found.reason) == (200, "question")
    assert required(SpokenSoFar(text, probability), "patient", WEIGHTS).silence_ms > 300


@pytest.mark.parametrize(
    ("text", "probability"),
    [("Could you tell me?", 0.001), ("What should I say?", 0.02), ("What time is it", 0.35)],
)
def test_a_question_mark_at_a_pause_is_not_believed(text: str, probability: float) -> None:
    assert required(SpokenSoFar(text, probability), "quick", WEIGHTS).reason == "goes-on"


@pytest.mark.parametrize("probability", [None, math.nan, math.inf, -0.1, 1.5])
def test_without_a_usable_score_silence_alone_decides(probability: float | None) -> None:
    found = required(SpokenSoFar("Where is the station?", probability), "balanced", WEIGHTS)
    assert (found.silence_ms, found.score, found.reason) == (BALANCED.middle_ms, None, "no-score")


@given(
    st.text(max_size=60),
    st.none() | st.floats(),
    st.sampled_from(PATIENCES),
    st.sampled_from(("", "question", "details")),
    st.lists(st.floats(0, 60_000), max_size=8),
)
def test_no_silence_is_longer_than_the_longest(
    text: str, probability: float | None, patience: Patience, asked: Asked, own: list[float]
) -> None:
    found = required(SpokenSoFar(text, probability, asked, own), patience, WEIGHTS)
    lengths = WEIGHTS.lengths[patience]
    assert lengths.short_ms <= found.silence_ms <= lengths.long_ms
    assert found.score is None or math.isfinite(found.score)


def test_a_sure_score_is_never_slower_with_more_haste() -> None:
    sure = [WEIGHTS.lengths[patience].sure for patience in PATIENCES]
    assert sure == sorted(sure)
    # 900 ms would answer every pause of a second.
    assert all(each.long_ms >= 1000 and each.middle_ms >= 700 for each in WEIGHTS.lengths.values())


@pytest.mark.parametrize(
    ("text", "asked", "reason"),
    [
        ("I want to, um,", "", "hesitation"),
        ("Milk, eggs, and", "", "list"),
        ("My number is five five five", "", "number"),
        ("It is spelled J O N", "", "number"),
        ("The order number is 4 7 2", "", "number"),
        ("Five five", "details", "number"),
    ],
)
def test_what_is_being_read_out_or_looked_for_is_waited_for(text: str, asked: Asked, reason: str) -> None:
    found = required(SpokenSoFar(text, 0.95, asked), "balanced", WEIGHTS)
    assert (found.reason, found.silence_ms) == (reason, BALANCED.long_ms)


@pytest.mark.parametrize("text", ["I want to, um,", "Milk, eggs, and", "Five five five.", "Good morning."])
def test_some_words_are_never_enough_after_the_shortest_silence(text: str) -> None:
    assert is_waited_for(text)
    assert all(required(SpokenSoFar(text, 1.0), each, WEIGHTS).reason != "sure" for each in PATIENCES)
    assert not is_waited_for("Where is the station?")


@pytest.mark.parametrize("text", ["I am twenty five.", "I was born in 1990.", "Book a table for two.", "So do I."])
def test_a_number_within_a_sentence_is_no_reading_out(text: str) -> None:
    assert required(SpokenSoFar(text, 0.95), "balanced", WEIGHTS).reason not in ("number", "list", "hesitation")


def test_a_short_answer_to_a_question_is_an_end_whatever_the_model_says() -> None:
    assert required(SpokenSoFar("Yes, please.", 0.05, "question"), "balanced", WEIGHTS).reason == "answer"
    assert not is_answer("Yes, please.", "")
    assert not is_answer("Yes,", "question")
    assert not is_answer("My brother.", "question")


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("Sure. What is your phone number?", "details"),
        ("Please spell your name.", "details"),
        ("Would you like tea?", "question"),
        ("Would you like tea? I have some.", ""),
        ("Your number is saved.", ""),
        ("", ""),
    ],
)
def test_what_the_agent_asked_for_is_read_from_its_last_sentence(said: str, asked: str) -> None:
    assert asked_by(said) == asked


def test_somebody_who_pauses_long_is_given_longer_where_the_words_say_little() -> None:
    words = "Please remind me to call my mother."
    usual = required(SpokenSoFar(words, 0.6, own_pauses_ms=(300, 320)), "balanced", WEIGHTS)
    slow = required(SpokenSoFar(words, 0.6, own_pauses_ms=(800, 850, 700, 820)), "balanced", WEIGHTS)
    assert (usual.silence_ms, slow.silence_ms) == (700, 1020)
    sure = required(SpokenSoFar("What is the weather like today?", 0.95, own_pauses_ms=(900,) * 8), "balanced", WEIGHTS)
    assert sure.silence_ms == 200


def test_weights_come_back_as_they_were_written_and_bad_ones_are_refused() -> None:
    assert TurnWeights.read(WEIGHTS.as_json()) == WEIGHTS
    assert WEIGHTS.source
    plain = json.loads(WEIGHTS_FILE.read_text())
    changes: list[dict[str, object]] = [
        {"weights": {}},
        {"weights": plain["weights"] | {"end": float("nan")}},
        {"weights": plain["weights"] | {"end": 10**400}},
        {"lengths": {}},
        {"lengths": plain["lengths"] | {"quick": plain["lengths"]["quick"] | {"long_ms": 9000}}},
        {"lengths": plain["lengths"] | {"quick": plain["lengths"]["quick"] | {"short_ms": 800}}},
        {"lengths": plain["lengths"] | {"quick": plain["lengths"]["quick"] | {"sure": -5, "between": 0}}},
    ]
    for change in changes:
        with pytest.raises(BadWeights):
            TurnWeights.read(json.dumps(plain | change))
    for text in ("", "[]", "{", "null", "[" * 60_000):
        with pytest.raises(BadWeights):
            TurnWeights.read(text)


def test_which_length_cannot_be_used_is_said() -> None:
    lengths = json.loads(WEIGHTS_FILE.read_text())["lengths"]
    wrong = {
        "quick: `sure` must not be below `between`": {"quick": lengths["quick"] | {"sure": -5}},
        "'between' of patient is missing": {"patient": {k: v for k, v in lengths["patient"].items() if k != "between"}},
    }
    for problem, change in wrong.items():
        with pytest.raises(BadWeights, match=problem):
            TurnWeights.read(json.dumps(json.loads(WEIGHTS_FILE.read_text()) | {"lengths": lengths | change}))
