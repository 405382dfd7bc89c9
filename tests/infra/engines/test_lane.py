"""The lane in front of an engine: who goes first, what never starts, and what is given up."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from infra.engines.lane import BEHIND_S, MAX_WAITING_S, Lane, Overloaded, Rank, Run
from infra.process.tasks import CancelledElsewhere
from tests.waiting import until


class Engine:
    """Work that ends when it is told to."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.gates: dict[str, asyncio.Future[None]] = {}

    def work(self, name: str) -> Callable[[], Awaitable[str]]:
        async def run() -> str:
            self.begun.append(name)
            self.gates[name] = asyncio.get_running_loop().create_future()
            await self.gates[name]
            return name

        return run

    async def end(self, name: str) -> None:
        await until(lambda: name in self.gates)
        self.gates[name].set_result(None)
        for _ in range(5):
            await asyncio.sleep(0)


def submit(lane: Lane[str], engine: Engine, session: str, name: str, rank: Rank = Rank.TURN, s: float = 1) -> Run[str]:
    return lane.submit(session, rank, s, engine.work(name))


async def test_sessions_take_turns_however_much_one_of_them_asks_for() -> None:
    lane, engine = Lane[str](workers=1), Engine()
    for n in range(4):
        submit(lane, engine, "a", f"a{n}")
    submit(lane, engine, "b", "b0")
    submit(lane, engine, "c", "c0")
    for name in ("a0", "b0", "c0", "a1", "a2", "a3"):
        await engine.end(name)
    assert engine.begun == ["a0", "b0", "c0", "a1", "a2", "a3"]


async def test_the_words_of_a_turn_go_before_pieces_and_both_before_guesses() -> None:
    lane, engine = Lane[str](workers=1), Engine()
    submit(lane, engine, "z", "first")
    submit(lane, engine, "a", "guess", Rank.INTERIM)
    submit(lane, engine, "b", "piece", Rank.PIECE)
    submit(lane, engine, "c", "turn", Rank.TURN)
    for name in ("first", "turn", "piece", "guess"):
        await engine.end(name)
    assert engine.begun == ["first", "turn", "piece", "guess"]


async def test_a_started_guess_leaves_a_worker_to_what_counts() -> None:
    lane, engine = Lane[str](workers=2), Engine()
    submit(lane, engine, "a", "guess", Rank.INTERIM)
    submit(lane, engine, "b", "another guess", Rank.INTERIM)
    submit(lane, engine, "c", "turn")
    await asyncio.sleep(0)
    assert engine.begun == ["guess", "turn"]
    assert not lane.has_room


async def test_a_waiting_run_that_another_replaces_never_starts() -> None:
    lane, engine = Lane[str](workers=1), Engine()
    submit(lane, engine, "a", "first")
    old = submit(lane, engine, "a", "old")
    new = submit(lane, engine, "a", "new")
    lane.drop(old)
    await engine.end("first")
    await engine.end("new")
    assert engine.begun == ["first", "new"]
    assert await new.result == "new"


async def test_a_started_run_that_is_dropped_frees_its_place_when_it_ends() -> None:
    lane, engine = Lane[str](workers=1), Engine()
    first = submit(lane, engine, "a", "first")
    await asyncio.sleep(0)
    lane.drop(first)
    submit(lane, engine, "b", "next")
    assert engine.begun == ["first"]
    await engine.end("first")
    assert engine.begun == ["first", "next"]


async def test_a_failure_and_a_cancellation_from_elsewhere_are_for_the_one_who_asked() -> None:
    lane, engine = Lane[str](workers=1), Engine()

    async def fails() -> str:
        raise ValueError("no")

    async def is_cancelled() -> str:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        future.cancel()
        return await future

    failed, cancelled = lane.submit("a", Rank.TURN, 1, fails), lane.submit("a", Rank.TURN, 1, is_cancelled)
    well = submit(lane, engine, "a", "well")
    with pytest.raises(ValueError, match="no"):
        await failed.result
    with pytest.raises(CancelledElsewhere):
        await cancelled.result
    await engine.end("well")
    assert await well.result == "well"


async def test_what_one_session_has_waiting_is_bounded_and_the_oldest_is_given_up() -> None:
    lane, engine = Lane[str](workers=1), Engine()
    submit(lane, engine, "z", "first")
    runs = [submit(lane, engine, "a", f"a{n}", s=MAX_WAITING_S / 3) for n in range(4)]
    other = submit(lane, engine, "b", "b0", s=MAX_WAITING_S)
    with pytest.raises(Overloaded):
        await runs[0].result
    assert not any(run.result.done() for run in (*runs[1:], other))


async def test_it_is_behind_from_a_long_wait_until_waits_have_been_short_for_a_while() -> None:
    now_s = 0.0
    lane, engine = Lane[str](workers=1, clock=lambda: now_s), Engine()
    submit(lane, engine, "a", "first")
    submit(lane, engine, "a", "second")
    assert not lane.behind()
    now_s = BEHIND_S
    assert lane.behind()
    assert not lane.has_room
    await engine.end("first")
    assert lane.behind()
    now_s += BEHIND_S
    assert not lane.behind()


async def test_guesses_that_wait_are_no_sign_of_being_behind() -> None:
    now_s = 0.0
    lane, engine = Lane[str](workers=1, clock=lambda: now_s), Engine()
    submit(lane, engine, "a", "first")
    submit(lane, engine, "b", "guess", Rank.INTERIM)
    now_s = 100.0
    assert not lane.behind()


async def test_a_lane_is_spare_until_it_has_worked_for_a_while_and_again_some_time_later() -> None:
    now = 0.0
    lane, engine = Lane[str](clock=lambda: now), Engine()
    assert lane.is_spare
    submit(lane, engine, "a", "turn")
    await until(lambda: engine.begun == ["turn"])
    now = 1.0
    assert lane.is_spare
    now = 4.0
    assert not lane.is_spare
    await engine.end("turn")
    now = 5.0
    assert not lane.is_spare
    now = 8.0
    assert lane.is_spare
