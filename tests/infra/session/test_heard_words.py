"""From played samples to words."""

from hypothesis import given
from hypothesis import strategies as st

from infra.session.heard_words import SaidClause, heard

TWO = (
    SaidClause(0, "Hello there.", 12_000, 12_000, (6_000, 11_000)),
    SaidClause(1, "How are you?", 12_000, 12_000, (3_000, 6_000, 11_000)),
)
WORDS = st.lists(st.text(alphabet="abc'.,", min_size=1, max_size=6), min_size=1, max_size=6)


@st.composite
def clauses(draw: st.DrawFn) -> list[SaidClause]:
    said = []
    for index, words in enumerate(draw(st.lists(WORDS, max_size=4))):
        total = draw(st.integers(0, 1_000))
        ends = tuple(sorted(draw(st.lists(st.integers(0, total), min_size=len(words), max_size=len(words)))))
        known = draw(st.booleans())
        said.append(SaidClause(index, " ".join(words), total, total, ends if known else ()))
    return said


def test_words_count_once_their_end_was_played() -> None:
    assert heard(TWO, 0).text == ""
    assert heard(TWO, 5_999).text == ""
    assert heard(TWO, 6_000).text == "Hello"
    assert heard(TWO, 11_000).text == "Hello there."
    assert heard(TWO, 15_000).text == "Hello there. How"
    assert heard(TWO, 15_000).clause_index == 1
    assert heard(TWO, 24_000).text == "Hello there. How are you?"


def test_a_clause_that_was_left_out_was_not_heard() -> None:
    said = (TWO[0], SaidClause(1, "Lost words.", 0, 0), SaidClause(2, "The end.", 100, 100))
    assert heard(said, 12_100).text == "Hello there. The end."


def test_of_a_clause_that_broke_off_only_what_came_was_heard() -> None:
    assert heard((SaidClause(0, "Hello there.", 7_000, 12_000, (6_000, 11_000)),), 50_000).text == "Hello"


def test_of_a_clause_that_was_cut_off_while_its_sound_was_made_only_the_words_that_had_sound_were_heard() -> None:
    told = SaidClause(1, "How are you?", 7_000, None, (3_000, 6_000, 11_000))
    assert heard((TWO[0], told), 12_000 + 7_000).text == "Hello there. How are"
    assert heard((TWO[0], told), 12_000 + 5_999).text == "Hello there. How"


def test_without_word_ends_a_clause_that_was_cut_off_has_the_pace_of_the_others() -> None:
    said = (SaidClause(0, "aaaa bbbb", 900, 900), SaidClause(1, " cccc dddd eeee", 950, None))
    assert heard(said, 900 + 399).text == "aaaa bbbb"
    assert heard(said, 900 + 400).text == "aaaa bbbb cccc"
    assert heard(said, 900 + 950).text == "aaaa bbbb cccc dddd"


def test_the_last_word_of_a_clause_that_was_cut_off_while_its_sound_was_made_was_not_heard() -> None:
    assert heard((SaidClause(0, "Well then", 240_000, None),), 240_000).text == "Well"


def test_heard_words_are_the_written_ones_and_one_that_is_said_in_many_counts_once_all_are_heard() -> None:
    said = (
        SaidClause(0, "It costs **$12.75**", 900, 900, (100, 200, 900)),
        SaidClause(1, "\nper day.", 200, 200, (80, 190)),
    )
    assert heard(said, 899).text == "It costs"
    assert heard(said, 900).text == "It costs **$12.75**"
    assert heard(said, 990).text == "It costs **$12.75**\nper"
    assert heard(said, 1100).text == "It costs **$12.75**\nper day."


def test_without_word_ends_letters_tell() -> None:
    assert heard((SaidClause(0, "aaaa bbbb", 900, 900),), 450).text == "aaaa"


@given(clauses(), st.integers(0, 5_000))
def test_the_heard_text_is_a_prefix_of_the_written_words(said: list[SaidClause], played: int) -> None:
    written = " ".join(clause.text for clause in said if clause.total_samples).split()
    words = heard(said, played).text.split()
    assert words == written[: len(words)]


@given(clauses(), st.integers(0, 5_000), st.integers(0, 5_000))
def test_more_sound_is_never_less_text(said: list[SaidClause], played: int, more: int) -> None:
    assert heard(said, played + more).text.startswith(heard(said, played).text)


@given(clauses())
def test_all_of_the_sound_is_all_of_the_text(said: list[SaidClause]) -> None:
    total = sum(clause.total_samples or 0 for clause in said)
    assert heard(said, total).text == " ".join(clause.text for clause in said if clause.total_samples)
