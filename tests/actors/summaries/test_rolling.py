"""When a rolling summary is due."""

import pytest

from actors.summaries.rolling import due, talked
from contracts.events import SummaryRevised, TurnRecorded


def turns(count: int) -> list[TurnRecorded]:
    return [turn(n) for n in range(1, count + 1)]


def turn(n: int, text: str = "Hello.") -> TurnRecorded:
    return TurnRecorded(
        event_id=f"e{n}",
        session_id="s",
        time_ns=n,
        turn_id=f"t{n}",
        reply_id=f"r{n}",
        user_text=text,
        written_text="",
        heard_text="Hi.",
    )


def revised(through: int) -> SummaryRevised:
    return SummaryRevised(
        event_id="x", session_id="s", time_ns=1, summary="So far.", through_turn_id=f"t{through}", turns=through
    )


@pytest.mark.parametrize(
    ("said", "last", "every", "expected"),
    [
        (11, None, 12, None),
        (12, None, 12, (1, 8)),
        (23, 8, 12, None),
        (24, 8, 12, (9, 20)),
        (25, 8, 12, (9, 20)),
        (30, None, 12, (1, 20)),
        (1, None, 1, (1, 1)),
        (4, 1, 2, (2, 3)),
        (0, None, 12, None),
    ],
)
def test_it_is_due_after_so_many_turns_and_leaves_the_last_ones_out(
    said: int, last: int | None, every: int, expected: tuple[int, int] | None
) -> None:
    renewal = due(turns(said), revised(last) if last else None, every)
    assert (renewal and (renewal.new[0].turn_id, renewal.through_turn_id, renewal.turns)) == (
        expected and (f"t{expected[0]}", f"t{expected[1]}", expected[1])
    )


def test_a_summary_of_a_turn_that_is_not_there_stands_for_as_many() -> None:
    unknown = revised(8).model_copy(update={"through_turn_id": "gone"})
    renewal = due(turns(24), unknown, 12)
    assert renewal is not None
    assert renewal.new[0].turn_id == "t9"


def test_a_greeting_is_no_turn() -> None:
    assert [one.turn_id for one in talked([turn(1, ""), turn(2)])] == ["t2"]
