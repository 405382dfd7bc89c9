"""Which strings may name things, and ids that follow from their cause."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.ids import derive_id, is_id, new_session_id


@pytest.mark.parametrize("text", ["a", "7", "a-b", "20261122-183015-9f2c1ab4", "x" * 64])
def test_subject_tokens_are_ids(text: str) -> None:
    assert is_id(text)


@pytest.mark.parametrize(
    "text",
    ["", "-", "-a", "a-", "x" * 65, "A", "a.b", "*", ">", "a b", "a\n", "\na", "a_b", "é", "a\x00", "..", "a/b", "$JS"],
)
def test_hostile_strings_are_no_ids(text: str) -> None:
    assert not is_id(text)


@settings(max_examples=50)
@given(st.text())
def test_whatever_is_an_id_can_stand_in_a_subject(text: str) -> None:
    assert is_id(text) == bool(re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", text))


def test_a_derived_id_never_changes() -> None:
    assert derive_id("cause", "TurnEnded") == derive_id("cause", "TurnEnded", 0) == "eb14a5108a8817338a293902"


@settings(max_examples=50)
@given(st.text(), st.integers(0, 99))
def test_derived_ids_are_tokens_and_differ_by_cause_name_and_number(cause: str, n: int) -> None:
    one = derive_id(cause, "TurnEnded", n)
    assert is_id(one)
    assert len(one) == 24
    assert (
        len({one, derive_id(cause, "TurnEnded", n + 1), derive_id(cause, "Other", n), derive_id(one, "TurnEnded", n)})
        == 4
    )


def test_session_ids_are_fresh_and_sort_by_time() -> None:
    first, second = new_session_id(), new_session_id()
    assert is_id(first)
    assert first != second
    assert first[:15] <= second[:15]
