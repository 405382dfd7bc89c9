from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.reasoning.clauses import ClauseSplitter, ends_sentence
from contracts.written import put_together
from infra.session.same_words import normalised


def split(text: str, *cuts: int, first: bool = True) -> list[str]:
    splitter = ClauseSplitter(first)
    clauses: list[str] = []
    places = [0, *sorted(cuts), len(text)]
    for begin, end in pairwise(places):
        clauses += splitter.feed(text[begin:end])
    return clauses + splitter.finish()


def said(text: str, first: bool = True) -> list[str]:
    return [clause.strip() for clause in split(text, first=first) if clause.strip()]


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
        (
            "Yes. No. 5 is alive. It shut at 5 p.m. Then we left.",
            ["Yes.", "No. 5 is alive.", "It shut at 5 p.m.", "Then we left."],
        ),
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
        ("---\nSo it is. \U0001f600", ["---\nSo it is.", "\U0001f600"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_clauses_end_where_a_speaker_would_pause(text: str, clauses: list[str]) -> None:
    assert said(text) == clauses


@pytest.mark.parametrize(
    "whole",
    [
        "5 p.m. EST",
        "3 p.m. Monday",
        "Apple Co. Ltd.",
        "Pennsylvania Ave. NW",
        "P. T. Barnum",
        "I. M. Pei",
        "Smith v. Jones",
        "Ps. 23",
        "Rs. 500",
        "Mar. 15th",
        "Tue. 3 Dec.",
        "5 ft. 6 in.",
        "2 tbsp. of",
        "Wed. night",
        "6 fl oz",
        "20 sq km",
        "10 cm x 15 cm",
        "a \u00a31bn deal",
        "a 30 \u00b0C day",
        "the XIX century",
        "King Charles III's",
        "$3 \\times 4 = 12$",
        "0 < x < 1",
        "a && b",
        "Fish &amp; chips",
        "Smith et al.",
    ],
)
@pytest.mark.parametrize("around", ["So {} it is, and that is all.", "Yes. It was {} as far as I know. {} again."])
def test_what_belongs_together_is_not_cut(whole: str, around: str) -> None:
    clauses = split(around.replace("{}", whole))
    assert sum(clause.count(whole) for clause in clauses) == around.count("{}"), clauses


def test_a_first_clause_without_a_mark_ends_after_three_words() -> None:
    assert said("The moon is a celestial body.") == ["The moon is", "a celestial body."]
    assert said("The moon is a celestial body.", first=False) == ["The moon is a celestial body."]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("I met Mr. Smith and Dr. Jones today.", "I met Mr. Smith"),
        ("Mr. Smith saw Dr. Jones. He waved.", "Mr. Smith saw"),
        ("It weighs about 3 kg in all of its parts.", "It weighs about"),
        ("He weighs 75.5 kg and more than that.", "He weighs 75.5 kg"),
        ("It is 5 \u00b0C outside at the moment.", "It is 5 \u00b0C"),
        ("It costs $1.2 million in the first year.", "It costs $1.2 million"),
        ("On July 4, 2025 we all went home.", "On July 4, 2025 we"),
        ("In World War II he fought in France.", "In World War II"),
        ("We read Chapter IV of the old book.", "We read Chapter IV"),
        ("By J. K. Rowling there are seven books.", "By J. K. Rowling"),
        ("So 10 - 4 = 6 and that is all.", "So 10 - 4 = 6 and"),
        ("Then 5 * 4 = 20 and that is all.", "Then 5 * 4 = 20 and"),
        ("I see **the very important thing** here, you know.", "I see **the very important thing**"),
        (
            "See the [old web page](https://example.org/a b) for more of it.",
            "See the [old web page](https://example.org/a b)",
        ),
        ("Run the `git push origin main` now and then again.", "Run the `git push origin main`"),
        ("I call (555) 123-4567 at times, you know.", "I call (555) 123-4567"),
        ("At about 8:05 pm they left the house.", "At about 8:05 pm"),
        ("See page No. 5 of the book today.", "See page No. 5"),
        ("Sales rose approx. 5 percent in a year.", "Sales rose approx. 5 percent"),
        ("Solve $x + y = z$ for all of them.", "Solve $x + y = z$"),
        (
            'Say <say-as interpret-as="date">3 May</say-as> to all of them.',
            'Say <say-as interpret-as="date">3 May</say-as>',
        ),
    ],
)
def test_a_short_first_clause_keeps_together_what_belongs_together(text: str, first: str) -> None:
    clauses = said(text)
    assert clauses[0].startswith(first)
    assert len(clauses) > 1
    assert all(split(text, cut) == split(text) for cut in range(len(text)))


@pytest.mark.parametrize(
    "whole",
    [
        *("Mr. Smith", "Dr. Jones", "3 kg", "60 km/h", "J. K. Rowling", "World War II", "10 - 4 = 6", "No. 5", "p. 12"),
        *("$1.2 million", "July 4, 2025", "Chapter IV", "8:05 pm", "e.g. this", "9 to 5", "(555) 123-4567"),
        *("[a link](https://x.org/ab)", "**so very bold. Yes.**", "`ls -l a, b`", "St. Louis", "5 \u00d7 4 = 20"),
    ],
)
@settings(max_examples=15, deadline=None)
@given(
    before=st.lists(
        st.sampled_from(["so", "we", "went", "on", "and", "saw", "it", "there", "today,", "fine."]), max_size=18
    ),
    after=st.lists(st.sampled_from(["and", "then", "we", "were", "off", "again,", "yes.", "it"]), max_size=18),
    size=st.integers(1, 9),
)
def test_no_cut_falls_within_what_belongs_together(whole: str, before: list[str], after: list[str], size: int) -> None:
    text = " ".join([*before, whole, *after])
    splitter = ClauseSplitter()
    clauses = [c for at in range(0, len(text), size) for c in splitter.feed(text[at : at + size])] + splitter.finish()
    assert "".join(clauses) == text
    assert any(whole in clause for clause in clauses), clauses


def test_later_clauses_end_at_commas_only_after_fifteen_words() -> None:
    words = " ".join(["word"] * 14)
    assert said(f"Fine. One, two, three, {words}, and more.") == ["Fine.", f"One, two, three, {words},", "and more."]


def test_text_without_punctuation_or_spaces_is_cut_all_the_same() -> None:
    assert max(len(clause.split()) for clause in split("word " * 500)) <= 40
    assert max(len(clause) for clause in split("x" * 100_000)) <= 400
    assert max(len(clause) for clause in split("**" + "word, " * 500)) <= 400


@given(st.text(alphabet="abI1. ,;:!?\u2026\u2014-\n\"')*3Dr", max_size=120), st.lists(st.integers(0, 120), max_size=12))
def test_clauses_are_the_same_however_the_text_is_cut(text: str, cuts: list[int]) -> None:
    assert split(text, *(min(cut, len(text)) for cut in cuts)) == split(text)


@given(st.text(max_size=800) | st.text(alphabet="ab .\u2014\u3002\n*`[]()<>$5-", max_size=900))
def test_clauses_put_together_are_the_text_to_the_letter(text: str) -> None:
    clauses = split(text)
    assert "".join(clauses) == text
    assert put_together(clauses) == text
    assert all(clauses)


def test_clauses_of_a_log_from_before_they_held_their_white_space_do_not_run_together() -> None:
    assert put_together(["Of course,", "I can.", "", "What is it?"]) == "Of course, I can. What is it?"


def test_words_are_compared_without_case_and_punctuation() -> None:
    assert normalised("What\u2019s the time?") == normalised("what's the  time")
    assert normalised("two") != normalised("to")


def test_sentences_end_with_their_marks_even_in_quotes() -> None:
    assert ends_sentence('He said "no."')
    assert not ends_sentence("of course,")
