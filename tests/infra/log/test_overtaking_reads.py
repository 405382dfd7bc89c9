"""Reads of one session that end in another order than they were begun: a tape says which of them an answer is for."""

import asyncio

import pytest

from contracts.events import Event
from contracts.journal import JournalChunk, decode_chunk
from contracts.topology import journal_subject, session_subjects
from infra.log.event_log import Appended, ExpectedSequence, Fact
from infra.log.taped_log import TapedLog
from infra.tape.handling import handler_called
from infra.tape.live import LiveTapes
from tests.waiting import until


class SlowStore:
    """Answers each read when a test says so: with a fact's sequence as `after`, or an error."""

    def __init__(self) -> None:
        self.reads: dict[int, asyncio.Future[list[Fact]]] = {}

    async def append_once(self, event: Event, expected: ExpectedSequence | None, patience_s: float) -> Appended:
        raise NotImplementedError

    async def fact(self, session_id: str, sequence: int) -> Fact | None:
        raise NotImplementedError

    async def facts_after(self, session_id: str, after: int, patience_s: float, subjects: str) -> list[Fact]:
        self.reads[after] = asyncio.get_running_loop().create_future()
        return await self.reads[after]


class Taped:
    def __init__(self) -> None:
        self.published: list[JournalChunk] = []
        self.store = SlowStore()
        self.tapes = LiveTapes("reasoning", "reasoning-1", "1", self._publish, lambda: 5_000)
        self.log = TapedLog(self.store, self.tapes)

    async def _publish(self, session_id: str, data: bytes) -> bool:
        self.published.append(decode_chunk(journal_subject(session_id, "reasoning"), data))
        return True

    async def begin(self, *afters: int) -> list["asyncio.Task[list[Fact]]"]:
        """Begin reads one after the other."""
        tasks = [asyncio.create_task(self.log.facts_after("s-1", after)) for after in afters]
        await until(lambda: len(self.store.reads) == len(afters))
        return tasks

    async def deliveries(self) -> list[tuple[str, object]]:
        await self.tapes.finish()
        return [(each.kind, each.payload) for chunk in self.published for each in chunk.deliveries]


async def test_an_answer_that_comes_before_those_of_earlier_reads_says_how_many_are_waited_for() -> None:
    taped = Taped()
    first, second, third = await taped.begin(1, 2, 3)
    for read in (third, first, second):
        taped.store.reads[[first, second, third].index(read) + 1].set_result([])
        await read
    assert await taped.deliveries() == [
        ("overtaking", 2),
        ("read", [3, 0, ""]),
        ("read", [1, 0, ""]),
        ("read", [2, 0, ""]),
    ]


async def test_a_read_that_fails_is_on_the_tape_and_one_that_is_cancelled_is_waited_for_no_longer() -> None:
    taped = Taped()
    first, second, third = await taped.begin(1, 2, 3)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    taped.store.reads[3].set_exception(TimeoutError("away"))
    with pytest.raises(TimeoutError):
        await third
    taped.store.reads[2].set_result([])
    await second
    given_up, unread = ("given-up", [0, ""]), ("unread", ["TimeoutError: away", 0, ""])
    assert await taped.deliveries() == [given_up, ("overtaking", 1), unread, ("read", [2, 0, ""])]


async def test_an_answer_says_for_which_delivery_the_handler_was_called_that_reads() -> None:
    taped = Taped()

    async def handler(sequence: int) -> None:
        with handler_called(taped.tapes.of("s-1"), "handled", sequence):
            await asyncio.create_task(taped.log.facts_after("s-1", sequence))

    first = asyncio.create_task(handler(7))
    second = asyncio.create_task(handler(8))
    await until(lambda: len(taped.store.reads) == 2)
    for sequence, task in ((8, second), (7, first)):
        taped.store.reads[sequence].set_result([])
        await task
    assert await taped.deliveries() == [("handled", 7), ("handled", 8), ("read", [8, 8, ""]), ("read", [7, 7, ""])]


async def test_a_read_of_some_subjects_overtakes_none_of_others() -> None:
    taped = Taped()
    whole = asyncio.create_task(taped.log.facts_after("s-1", 1))
    replies = asyncio.create_task(taped.log.facts_after("s-1", 2, subjects=session_subjects("s-1", "reply")))
    await until(lambda: len(taped.store.reads) == 2)
    for after, read in ((2, replies), (1, whole)):
        taped.store.reads[after].set_result([])
        await read
    assert await taped.deliveries() == [("read", [2, 0, "voice.reply.*"]), ("read", [1, 0, ""])]
