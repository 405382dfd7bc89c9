"""From played samples to words: the cases that Python and the page share, and what holds for all."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.written import put_together
from infra.session.heard_words import SaidClause, heard, placed
from tests.heard_word_cases import CASES, Case

WORDS = st.lists(st.text(alphabet="abc'.,é😀", min_size=1, max_size=6), min_size=1, max_size=6)


@st.composite
def said_clauses(draw: st.DrawFn, whole: bool = False) -> list[SaidClause]:
    """Clauses as a door plays them: up to the first one whose sound is still coming."""
    said = []
    for index, words in enumerate(draw(st.lists(WORDS, max_size=4))):
        total = draw(st.integers(1, 1_000))
        ends = tuple(sorted(draw(st.lists(st.integers(0, total), min_size=len(words), max_size=len(words)))))
        text = draw(st.sampled_from(["", " ", "\n"])) + " ".join(words)
        said.append(SaidClause(index, text, total, total, ends if draw(st.booleans()) else ()))
    if said and not whole:
        last = said.pop()
        sent = draw(st.integers(0, last.total_samples or 0))
        said.append(SaidClause(last.index, last.text, sent, None, last.word_end_samples))
    return said


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_word_is_placed_where_it_sounds(case: Case) -> None:
    words = [
        [(word.text.strip(), word.first_sample, word.end_sample) for word in c.words] for c in placed(case.clauses)
    ]
    assert words == case.words


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_word_counts_as_heard_once_its_end_was_played(case: Case) -> None:
    assert {played: heard(case.clauses, played).text for played in case.heard} == case.heard


def test_the_clause_in_which_the_sound_stopped_is_reported() -> None:
    said = [SaidClause(3, "One.", 100, 100), SaidClause(5, "Two.", 100, None)]
    assert [heard(said, played).clause_index for played in (1, 100, 101, 900)] == [3, 3, 5, 5]


@given(said_clauses(), st.integers(0, 5_000))
def test_the_heard_text_is_a_prefix_of_what_was_written(said: list[SaidClause], played: int) -> None:
    assert put_together(clause.text for clause in said).startswith(heard(said, played).text)


@given(said_clauses(), st.integers(0, 5_000), st.integers(0, 5_000))
def test_more_sound_is_never_less_text(said: list[SaidClause], played: int, more: int) -> None:
    assert heard(said, played + more).text.startswith(heard(said, played).text)


@given(said_clauses(whole=True))
def test_all_of_the_sound_is_all_of_the_text(said: list[SaidClause]) -> None:
    total = sum(clause.total_samples or 0 for clause in said)
    assert heard(said, total).text == put_together(clause.text for clause in said)


@given(said_clauses())
def test_a_word_begins_where_the_one_before_it_ends(said: list[SaidClause]) -> None:
    for clause in placed(said):
        edges = [clause.first_sample, *(edge for word in clause.words for edge in (word.first_sample, word.end_sample))]
        sounding = [edge for edge in edges if math.isfinite(edge)]
        assert edges[: len(sounding)] == sounding == sorted(sounding)
