from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.reasoning.clauses import ClauseSplitter, ends_sentence, normalised, spoken


def split(text: str, *cuts: int, first: bool = True) -> list[str]:
    splitter = ClauseSplitter(first)
    clauses: list[str] = []
    places = [0, *sorted(cuts), len(text)]
    for begin, end in pairwise(places):
        clauses += splitter.feed(text[begin:end])
    return clauses + splitter.finish()


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("Of course, I can help. What is it?", ["Of course,", "I can help.", "What is it?"]),
        ("Well, I think so.", ["Well, I think so."]),
        ("Sure thing! Dr. Smith is in, e.g. on Monday.", ["Sure thing!", "Dr. Smith is in, e.g. on Monday."]),
        ("It is about 3.14, I believe.", ["It is about 3.14,", "I believe."]),
        ("Yes. It costs 1,000 dollars at 10:30 a.m. today.", ["Yes.", "It costs 1,000 dollars at 10:30 a.m. today."]),
        ("The U.S. is big. So is Canada.", ["The U.S. is big.", "So is Canada."]),
        ("Yes. No. I do. J. Smith does.", ["Yes.", "No.", "I do.", "J. Smith does."]),
        ('She said "Hello." Then she left.', ['She said "Hello."', "Then she left."]),
        ("Let me see... I do not know.", ["Let me see...", "I do not know."]),
        ("That is good \u2014 very good.", ["That is good \u2014", "very good."]),
        ("That is good\u2014very good.", ["That is good\u2014", "very good."]),
        ("That works - I hope.", ["That works -", "I hope."]),
        ("A well-known fact.", ["A well-known fact."]),
        ("You need:\n1. Milk\n2. Two eggs\n", ["You need:", "1. Milk", "2. Two eggs"]),
        ("- Milk\n- Eggs", ["- Milk", "- Eggs"]),
        ("Really?! Yes!!", ["Really?!", "Yes!!"]),
        ("**Hello there.** Welcome.", ["**Hello there.**", "Welcome."]),
        ("", []),
        (" \n ", []),
    ],
)
def test_clauses_end_where_a_speaker_would_pause(text: str, clauses: list[str]) -> None:
    assert split(text) == clauses


def test_a_first_clause_without_a_mark_ends_after_three_words() -> None:
    assert split("The moon is a celestial body.") == ["The moon is", "a celestial body."]
    assert split("The moon is a celestial body.", first=False) == ["The moon is a celestial body."]


def test_later_clauses_end_at_commas_only_after_fifteen_words() -> None:
    words = " ".join(["word"] * 14)
    assert split(f"Fine. One, two, three, {words}, and more.") == ["Fine.", f"One, two, three, {words},", "and more."]


def test_text_without_punctuation_or_spaces_is_cut_all_the_same() -> None:
    assert max(len(clause.split()) for clause in split("word " * 500)) <= 40
    assert max(len(clause) for clause in split("x" * 100_000)) <= 400


@given(st.text(alphabet="abI1. ,;:!?\u2026\u2014-\n\"')*3Dr", max_size=120), st.lists(st.integers(0, 120), max_size=12))
def test_clauses_are_the_same_however_the_text_is_cut(text: str, cuts: list[int]) -> None:
    assert split(text, *(min(cut, len(text)) for cut in cuts)) == split(text)


@given(st.text(max_size=800))
def test_clauses_put_together_are_the_text_up_to_white_space(text: str) -> None:
    clauses = split(text)
    assert "".join("".join(clauses).split()) == "".join(text.split())
    assert all(clause.strip() for clause in clauses)


@pytest.mark.parametrize(
    ("clause", "said"),
    [
        ("**Bold** and _soft_ and `code`", "Bold and soft and code"),
        ("## A heading", "A heading"),
        ("- an item", "an item"),
        ("See [the page](https://example.org/a_b).", "See the page."),
        ("Great \U0001f600\u200d\U0001f680!", "Great !"),
        ("snake_case and 2*3", "snake_case and 23"),
        ("\u2014", ""),
        ("...", ""),
        ("\x00\x07Hi\ttab", "Hi tab"),
    ],
)
def test_what_cannot_be_said_is_left_out(clause: str, said: str) -> None:
    assert spoken(clause) == said


@given(st.text())
def test_spoken_text_is_one_clean_line_or_nothing(text: str) -> None:
    said = spoken(text)
    assert said == " ".join(said.split())
    assert all(character.isprintable() for character in said)


def test_words_are_compared_without_case_and_punctuation() -> None:
    assert normalised("What\u2019s the time?") == normalised("what's the  time")
    assert normalised("two") != normalised("to")


def test_sentences_end_with_their_marks_even_in_quotes() -> None:
    assert ends_sentence('He said "no."')
    assert not ends_sentence("of course,")
