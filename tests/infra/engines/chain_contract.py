"""What every fallback chain does, whatever its engines give. The test class of each implementation inherits it."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

import pytest

from infra.engines.chain import EngineFailure
from tests.waiting import until

Does = Literal["answers", "raises", "hangs", "breaks", "is cancelled"]
"""What an engine does when it is asked; one that breaks has given half an answer before it raises."""

PATIENCE_S = 20.0
SHORT_S = 0.5
"""Long enough for an engine that answers, on a busy machine."""
LINE_CUT = "the line is cut"


@dataclass(slots=True)
class Script:
    """What each engine does: the last entry again and again. `asked` has who was asked, in order."""

    does: dict[str, list[Does]]
    asked: list[str] = field(default_factory=list)

    def next(self, name: str) -> Does:
        self.asked.append(name)
        steps = self.does[name]
        return steps.pop(0) if len(steps) > 1 else steps[0]


@dataclass(slots=True)
class Outcome:
    """What came of a question: who gave something, in order, what failed, and whether there was a whole answer."""

    given_by: list[str] = field(default_factory=list)
    failures: list[EngineFailure] = field(default_factory=list)
    is_whole: bool = False

    def give(self, name: str) -> None:
        if self.given_by[-1:] != [name]:
            self.given_by.append(name)


Ask = Callable[[Outcome], Awaitable[None]]
"""Asks the chain once, and fills in the outcome as parts of it come."""


class ManualClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class ChainContract(ABC):
    """Inherit it, and say how a chain of scripted engines is built and asked."""

    rest_s: float
    """How long an engine of this chain rests."""
    halves_are_given = True
    """Whether half an answer reaches who asked; where an answer is given as one, there are none."""

    @abstractmethod
    def chain(self, script: Script, timeout_s: float, clock: Callable[[], float]) -> Ask:
        """Return what asks a chain of the script's engines, in its order; called within the event loop."""

    async def outcome(self, timeout_s: float = PATIENCE_S, **does: Does) -> tuple[Outcome, Script]:
        script, outcome = Script({name: [step] for name, step in does.items()}), Outcome()
        await self.chain(script, timeout_s, ManualClock())(outcome)
        return outcome, script

    async def test_the_first_engine_answers_and_no_other_is_asked(self) -> None:
        outcome, script = await self.outcome(first="answers", second="answers")
        assert (outcome.given_by, outcome.failures, outcome.is_whole) == (["first"], [], True)
        assert script.asked == ["first"]

    async def test_the_second_answers_for_one_that_raises_and_the_failure_is_reported(self) -> None:
        outcome, _ = await self.outcome(first="raises", second="answers")
        assert (outcome.given_by, outcome.is_whole) == (["second"], True)
        (failure,) = outcome.failures
        assert (failure.engine, failure.next_engine) == ("first", "second")
        assert LINE_CUT in failure.error
        assert "second" in failure.action

    async def test_what_an_engine_says_of_its_failure_is_in_no_log(self, caplog: pytest.LogCaptureFixture) -> None:
        """It may repeat what was said."""
        with caplog.at_level("INFO"):
            outcome, _ = await self.outcome(first="raises", second="answers")
        assert LINE_CUT in outcome.failures[0].error
        assert LINE_CUT not in caplog.text

    async def test_the_second_answers_for_one_that_hangs(self) -> None:
        outcome, _ = await self.outcome(SHORT_S, first="hangs", second="answers")
        assert (outcome.given_by, outcome.is_whole) == (["second"], True)
        assert [failure.engine for failure in outcome.failures] == ["first"]
        assert f"{SHORT_S:g} s" in outcome.failures[0].error

    async def test_what_was_given_before_a_failure_stays_and_the_next_goes_on(self) -> None:
        outcome, _ = await self.outcome(first="breaks", second="answers")
        assert outcome.given_by == (["first", "second"] if self.halves_are_given else ["second"])
        assert outcome.is_whole
        assert [failure.engine for failure in outcome.failures] == ["first"]

    async def test_when_all_fail_each_is_reported_once_and_the_last_has_nobody_after_it(self) -> None:
        outcome, script = await self.outcome(first="raises", second="raises")
        assert (outcome.given_by, outcome.is_whole) == ([], False)
        assert [(each.engine, each.next_engine) for each in outcome.failures] == [("first", "second"), ("second", "")]
        assert script.asked == ["first", "second"]

    async def test_an_engine_that_failed_is_asked_after_the_others_until_it_has_rested(self) -> None:
        script, clock = (
            Script({"first": ["raises", "answers"], "second": ["answers", "answers", "raises"]}),
            ManualClock(),
        )
        ask = self.chain(script, PATIENCE_S, clock)
        for _ in range(2):
            await ask(Outcome())
        assert script.asked == ["first", "second", "second"]
        rested = Outcome()
        clock.now_s += self.rest_s
        await ask(rested)
        assert (rested.given_by, rested.failures) == (["first"], [])

    async def test_an_engine_that_rests_is_asked_when_the_others_fail(self) -> None:
        script = Script({"first": ["raises", "answers"], "second": ["answers", "raises"]})
        ask = self.chain(script, PATIENCE_S, ManualClock())
        await ask(Outcome())
        again = Outcome()
        await ask(again)
        assert (again.given_by, again.is_whole) == (["first"], True)
        assert [failure.engine for failure in again.failures] == ["second"]

    async def test_a_cancellation_from_outside_is_no_failure(self) -> None:
        script, outcome = Script({"first": ["hangs", "answers"], "second": ["answers"]}), Outcome()
        ask = self.chain(script, PATIENCE_S, ManualClock())
        asking = asyncio.ensure_future(ask(outcome))
        await until(lambda: script.asked)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert (outcome.failures, script.asked) == ([], ["first"])
        again = Outcome()
        await ask(again)
        assert again.given_by == ["first"], "it does not rest"

    async def test_a_cancellation_that_nobody_asked_for_is_a_failure(self) -> None:
        outcome, _ = await self.outcome(first="is cancelled", second="answers")
        assert (outcome.given_by, outcome.is_whole) == (["second"], True)
        assert [failure.engine for failure in outcome.failures] == ["first"]
