"""Lanes: one item after the other within a session, sessions side by side."""

import asyncio
from collections import defaultdict

from infra.log.lanes import Lanes
from tests.waiting import until


class Work:
    """Items that go on until they are let go; one whose name begins with `free` lets the next begin at once."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.may_end: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def __call__(self, name: str, go_on: "asyncio.Future[None]") -> None:
        self.begun.append(name)
        if name.startswith("free"):
            go_on.set_result(None)
        try:
            await self.may_end[name].wait()
        finally:
            self.ended.append(name)


async def test_an_item_begins_when_the_one_before_it_in_its_session_has_ended() -> None:
    work = Work()
    lanes = Lanes[str]("test", work)
    for session, name in (("s-1", "a"), ("s-1", "b"), ("s-2", "c")):
        lanes.put(session, name)
    await until(lambda: work.begun == ["a", "c"])
    work.may_end["a"].set()
    await until(lambda: work.begun == ["a", "c", "b"])
    await lanes.drop()


async def test_an_item_may_let_the_next_one_begin_before_it_has_ended() -> None:
    work = Work()
    lanes = Lanes[str]("test", work)
    for name in ("free-1", "free-2", "last"):
        lanes.put("s-1", name)
    await until(lambda: work.begun == ["free-1", "free-2", "last"])
    assert work.ended == []
    await lanes.drop()


async def test_what_is_dropped_is_cancelled_and_new_items_are_taken_afterwards() -> None:
    work = Work()
    lanes = Lanes[str]("test", work)
    for name in ("a", "b"):
        lanes.put("s-1", name)
    await until(lambda: work.begun == ["a"])
    await lanes.drop()
    assert work.ended == ["a"]
    lanes.put("s-1", "c")
    await until(lambda: work.begun == ["a", "c"])
    await lanes.drop()
