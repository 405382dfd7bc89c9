"""What is said for what is written, and which written words each spoken one stands for."""

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.spoken.forms import Form, forms_of, known_forms, measure
from infra.spoken.pipeline import spoken

KINDS = {kind: list(forms) for kind, forms in groupby(known_forms(), lambda form: form.kind)}
WRITTEN = st.lists(st.sampled_from([form.written for form in known_forms()]) | st.text(max_size=12), max_size=5).map(
    " ".join
)


@pytest.mark.parametrize("kind", KINDS)
def test_forms_are_said_as_the_table_has_them(kind: str) -> None:
    wrong = {form.written: spoken(form.written).text for form in KINDS[kind]}
    assert wrong == {form.written: form.said for form in KINDS[kind]}


@pytest.mark.parametrize("frame", ["It is {} here.", "Well, {}", "({})"])
def test_forms_within_a_sentence_leave_no_sign_or_digit(frame: str) -> None:
    for kind in ("money", "units", "percent", "fractions", "ordinals", "negative"):
        for form in KINDS[kind]:
            said = spoken(frame.format(form.written)).text
            assert not any(character.isdigit() or character in "$%\u20ac\u00b0" for character in said), said


@given(WRITTEN)
def test_spoken_text_is_one_clean_line_with_a_written_span_for_each_word(written: str) -> None:
    said = spoken(written)
    assert said.text == " ".join(said.text.split())
    assert not any(character < " " for character in said.text)
    assert len(said.spans) == len(said.text.split())
    assert all(0 <= start < end <= len(written) for start, end in said.spans)


@given(WRITTEN)
def test_each_written_word_has_an_end_and_they_never_decrease(written: str) -> None:
    said = spoken(written)
    ends = said.written_ends([100 * (n + 1) for n in range(len(said.spans))])
    assert len(ends) == len(written.split())
    assert list(ends) == sorted(ends)


@pytest.mark.parametrize(
    ("written", "ends"),
    [
        ("It costs $12.75 here.", (1, 2, 7, 8)),  # It|costs|twelve dollars and seventy-five cents|here.
        ("**Well** said", (1, 2)),
        ("- One", (0, 1)),
        ("World War II ended", (1, 2, 3, 4)),
        ("See [the old page](https://example.org/a b) now", (1, 2, 3, 4, 4, 5)),
        ("Dr. Jones paid $1.2 million today", (1, 2, 3, 8, 8, 9)),
        ("5 * 4 = 20 \U0001f600", (1, 2, 3, 4, 5, 5)),
    ],
)
def test_a_written_word_ends_with_the_last_word_that_is_said_for_it(written: str, ends: tuple[int, ...]) -> None:
    said = spoken(written)
    assert said.written_ends(range(1, len(said.spans) + 1)) == ends


def test_voices_of_other_languages_are_given_their_own_numbers_without_markup() -> None:
    assert spoken("**Es** kostet 12,75 \u20ac [hier](https://a.de).", "de").text == "Es kostet 12,75 \u20ac hier."


def test_a_table_of_forms_reports_the_line_that_is_none() -> None:
    assert forms_of("# remark\n\nkind\ta\\nb\tsaid\n") == [Form("kind", "a\nb", "said")]
    with pytest.raises(ValueError, match="line 2"):
        forms_of("kind\ta\tb\nno form\n")


def test_the_measure_shows_what_is_said_otherwise() -> None:
    figures = measure([Form("numbers", "7", "seven"), Form("numbers", "8", "nine")])
    assert (figures.right, figures.all) == (1, 2)
    assert [(wrong.form.written, wrong.said) for wrong in figures.wrong] == [("8", "eight")]
