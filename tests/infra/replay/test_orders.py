"""A record of a busy machine, where a delivery came while the code was on its way, is no difference."""

import asyncio
from typing import Any

import pytest

from contracts import events as e
from contracts.answers import answer
from infra.log.event_log import Fact
from infra.replay.actors import Seat
from infra.replay.orders import run_in_some_order
from infra.replay.schedule import run_stretch
from infra.tape.deliveries import Delivery
from tests.infra.replay.test_schedule import COPY, MS, SESSION, TURN, Toy, stretch_of, toys


class OnItsWay(Toy):
    """Says how many turns it has heard of, some time after each."""

    def __init__(self, seat: Seat, changed: str = "") -> None:
        super().__init__(seat, changed)
        self._heard = 0

    async def turn_ended(self, turn: e.TurnEnded) -> None:
        self._heard += 1
        for _ in range(20):
            await asyncio.sleep(0)
        await self._append(turn, int(turn.event_id[1:]), self._said())

    def _said(self) -> str:
        return f"{self._heard} turns"


class SayingMore(OnItsWay):
    """Says something else."""

    def _said(self) -> str:
        return f"{super()._said()}, I think"


def record(*heard: int) -> tuple[list[Fact], tuple[Delivery, ...]]:
    """Return what is left of as many turns: what was said after each, and the tape."""
    events = [TURN.model_copy(update={"event_id": f"t{n + 1}"}) for n in range(len(heard))]
    turns = [Fact(3 + n, event) for n, event in enumerate(events)]
    said = [Fact(10 + n, _said(turn, n + 1, heard[n])) for n, turn in enumerate(events)]
    handled = [Delivery(n * 100 * MS, "handled", fact.sequence) for n, fact in enumerate(turns)]
    appended = [Delivery(1000 * MS + n, "appended", fact.sequence) for n, fact in enumerate(said)]
    return [*turns, *said], (*handled, *appended)


def _said(turn: e.TurnEnded, place: int, count: int) -> e.ReplyClauseWritten:
    text = f"{count} turns"
    made = answer(
        turn, e.ReplyClauseWritten, time_ns=9, id_name=text, id_n=place, reply_id="r1", index=place, text=text
    )
    return made.model_copy(update={"appended_by": COPY})


@pytest.mark.parametrize("heard", [(1, 2), (2, 2), (1, 2, 3), (2, 2, 3), (1, 3, 3)])
def test_what_came_while_the_code_was_on_its_way_is_handed_over_then(heard: tuple[int, ...]) -> None:
    facts, deliveries = record(*heard)
    came = run_in_some_order(stretch_of(deliveries), SESSION, facts, toys(OnItsWay))
    assert (came.differences, came.errors) == ([], [])
    assert came.same == {fact.sequence for fact in facts if fact.event.appended_by == COPY}


@pytest.mark.parametrize("heard", [(1, 2), (2, 2), (3, 3)])
def test_what_comes_out_in_no_order_is_the_difference_of_the_usual_one(heard: tuple[int, ...]) -> None:
    facts, deliveries = record(*heard)
    asked: tuple[Any, ...] = (stretch_of(deliveries), SESSION, facts, toys(SayingMore))
    assert [each.what for each in run_in_some_order(*asked).differences] == [
        each.what for each in run_stretch(*asked).differences
    ]
    assert run_in_some_order(*asked).differences != []
