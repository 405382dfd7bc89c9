"""Planted changes are where the code is, are reported, and are gone afterwards."""

import pytest

from actors.reasoning import clauses, context, session_state
from infra.bench.replay_changes import BEHAVIOUR, REFACTORINGS, PlantedChange


@pytest.mark.parametrize("change", [*BEHAVIOUR, *REFACTORINGS], ids=lambda change: change.about)
def test_what_a_change_is_planted_in_is_there(change: PlantedChange) -> None:
    with change.applied():
        pass


def test_a_change_is_seen_by_every_module_that_refers_to_the_function_and_is_taken_back() -> None:
    original = session_state.heard_by
    change = next(each for each in BEHAVIOUR if each.target.endswith(":heard_by"))
    with change.applied():
        assert session_state.heard_by is not original
        assert getattr(context, "heard_by", session_state.heard_by) is session_state.heard_by
    assert session_state.heard_by is original


def test_a_number_is_changed_in_its_module() -> None:
    was = clauses.FIRST_WORDS
    with BEHAVIOUR[0].applied():
        assert clauses.FIRST_WORDS == 4
    assert was == clauses.FIRST_WORDS


def test_a_change_of_what_is_not_there_is_refused() -> None:
    with pytest.raises(AttributeError), PlantedChange("x", "actors.reasoning.clauses:gone", lambda it: it).applied():
        pass


def test_there_are_as_many_as_the_report_promises() -> None:
    assert (len(BEHAVIOUR), len(REFACTORINGS)) == (22, 20)
