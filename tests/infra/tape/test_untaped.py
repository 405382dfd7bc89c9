"""An actor without a tape asks its engines and is not recorded."""

from collections.abc import AsyncIterator

import pytest

from infra.tape import untaped
from infra.tape.tape import Tape, Tapes
from infra.tape.untaped import Untaped


async def test_results_and_parts_are_those_of_the_engine() -> None:
    tapes: Tapes = Untaped("reasoning-1a2b")
    tape: Tape = tapes.of("one")

    async def answer() -> str:
        return "yes"

    async def pieces() -> AsyncIterator[str]:
        yield "a"
        yield "b"

    assert await tape.result("llm", "reply", ["question"], answer) == "yes"
    assert [part async for part in tape.parts("llm", "reply", ["question"], pieces)] == ["a", "b"]


async def test_an_engine_that_fails_fails_here_too() -> None:
    async def broken() -> str:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await Untaped().result("llm", "reply", [], broken)


def test_basis_is_the_last_fact_taken_in_of_the_session() -> None:
    tapes = Untaped()
    tape, other = tapes.of("one"), tapes.of("two")
    tape.took_fact("handled", 7)
    tape.took_fact("read", 5)
    assert (tape.basis, other.basis) == (7, 0)
    assert tapes.of("one") is tape


def test_sessions_that_were_not_used_for_longest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(untaped, "SESSIONS", 2)
    tapes = Untaped()
    kept, dropped = tapes.of("one"), tapes.of("two")
    tapes.of("one")
    tapes.of("three")
    assert tapes.of("one") is kept
    assert tapes.of("two") is not dropped
