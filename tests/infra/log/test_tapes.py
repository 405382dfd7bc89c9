"""What an actor takes in through the log is on its tape in the order it took it in, and the tape reaches the log."""

import asyncio
import itertools
import signal
from types import SimpleNamespace

import pytest
from faststream.nats import NatsBroker

from contracts import events as e
from contracts.journal import JournalChunk, decode_chunk
from contracts.topology import JOURNAL, REASONING, SYNTHESIS
from infra.log import inbox, taped_log
from infra.log.connection import connection
from infra.log.dead_letters import dead_letters, put_back
from infra.log.event_log import ExpectedSequence, LogUnavailable, StaleWriter, append, facts_after
from infra.log.inbox import Inbox
from infra.log.live_events import LiveEvents
from infra.log.stream_reader import stored_messages
from infra.log.taped_log import LiveLog
from infra.log.tapes import make_tapes, tapes_of, tapes_written
from infra.settings import settings
from infra.tape.live import LiveTapes
from infra.tape.untaped import Untaped
from tests.infra.log.copies import clause, session_closed, turn_ended
from tests.servers import NatsServer
from tests.waiting import until, until_async

Taken = list[tuple[str, object]]


async def chunks(broker: NatsBroker) -> list[JournalChunk]:
    """Write what is noted, and return the chunks in the order of the journal."""
    tapes = tapes_of(broker)
    assert isinstance(tapes, LiveTapes)
    await tapes.finish()
    await until_stored(broker, tapes.written)
    stored = stored_messages(connection(broker), JOURNAL, "journal.*.*")
    return [decode_chunk(message.subject, message.data) async for message in stored]


async def taken(broker: NatsBroker) -> Taken:
    return [(each.kind, each.payload) for chunk in await chunks(broker) for each in chunk.deliveries]


@pytest.fixture
def log(broker: NatsBroker) -> LiveLog:
    return LiveLog(broker, tapes_of(broker))


async def test_a_fact_tells_who_appended_it_and_what_that_copy_had_taken_in(broker: NatsBroker, log: LiveLog) -> None:
    await append(broker, turn_ended(0))
    [past] = await log.facts_after("s-1")
    fact = await log.append(clause(0))
    further = await log.append(clause(1))
    instance = tapes_of(broker).instance
    assert instance.startswith("test-")
    assert [(each.event.appended_by, each.event.basis) for each in (past, fact, further)] == [
        (instance, 0),  # appended beside any tape: the copy is known, not what it had taken in
        (instance, past.sequence),
        (instance, fact.sequence),
    ]
    assert await facts_after(broker, "s-1") == [past, fact, further]
    assert await taken(broker) == [
        ("read", [past.sequence, 0, ""]),
        ("appended", fact.sequence),
        ("appended", further.sequence),
    ]


async def test_an_event_that_was_stored_before_is_returned_as_it_is_in_the_log(
    broker: NatsBroker, log: LiveLog
) -> None:
    first = await log.append(turn_ended(0))
    again = turn_ended(0)
    assert again.time_ns > first.event.time_ns
    assert await log.append(again) == first
    expected = ExpectedSequence("voice.s-1.turn.*", 0)
    assert await log.append(turn_ended(0), expected) == first
    assert await taken(broker) == [("appended", first.sequence)] * 3


async def test_what_is_not_stored_is_on_the_tape_as_well(
    broker: NatsBroker, log: LiveLog, nats_server: NatsServer
) -> None:
    first = await log.append(turn_ended(0))
    with pytest.raises(StaleWriter):
        await log.append(turn_ended(1), ExpectedSequence("voice.s-1.turn.*", 0))
    await nats_server.stop(signal.SIGKILL)
    with pytest.raises(LogUnavailable):
        await log.append(turn_ended(2), patience_s=0.2)
    await nats_server.start()
    await until(lambda: connection(broker).is_connected)
    assert await taken(broker) == [("appended", first.sequence), ("stale", "s-1:t1"), ("unstored", "s-1:t2")]


async def test_a_handlers_events_are_on_the_tape_when_it_gets_them_and_the_chunk_ends_when_it_has_ended(
    broker: NatsBroker,
) -> None:
    inbox = Inbox(broker, SYNTHESIS, tapes=tapes_of(broker))
    log = LiveLog(broker, tapes_of(broker))
    failures = [ValueError("not yet")]

    @inbox.on(e.ReplyClauseWritten)
    async def written(event: e.ReplyClauseWritten) -> None:
        if failures:
            raise failures.pop()
        await log.append(turn_ended(event.index))

    await inbox.open()
    await broker.start()
    try:
        async with tapes_written(broker):
            sequence = await append(broker, clause(7))
            await until_stored(broker, 1)
    finally:
        await inbox.close()
    [chunk] = await chunks(broker)
    assert [(each.kind, each.payload) for each in chunk.deliveries] == [
        ("handled", sequence),
        ("handled", sequence),  # it failed and was tried again
        ("appended", sequence + 1),
    ]
    assert (chunk.session_id, chunk.actor, chunk.instance) == ("s-1", "test", tapes_of(broker).instance)
    assert (chunk.basis, chunk.idle, chunk.n) == (sequence + 1, True, 0)


async def test_a_task_that_a_handler_returns_is_in_progress_until_it_ends(broker: NatsBroker) -> None:
    inbox = Inbox(broker, SYNTHESIS, tapes=tapes_of(broker))
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await go_on.wait()
        tapes_of(broker).of("s-1").took("tick")

    @inbox.on(e.ReplyClauseWritten)
    async def written(event: e.ReplyClauseWritten) -> asyncio.Task[None]:
        return asyncio.create_task(work())

    await inbox.open()
    await broker.start()
    try:
        sequence = await append(broker, clause(0))
        await begun.wait()
        assert [chunk.idle for chunk in await chunks(broker)] == [False]
        go_on.set()
        nc = connection(broker)
        await until(lambda: not inbox._held.messages())
        assert [(chunk.idle, chunk.basis) for chunk in await chunks(broker)] == [(False, sequence), (True, sequence)]
        assert nc.is_connected
    finally:
        await inbox.close()


async def test_a_handler_that_is_cancelled_from_outside_is_on_the_tape_and_nothing_is_in_progress_after_it(
    broker: NatsBroker,
) -> None:
    inbox = Inbox(broker, SYNTHESIS, tapes=tapes_of(broker))
    stuck = asyncio.Event()

    @inbox.on(e.ReplyClauseWritten)
    async def written(event: e.ReplyClauseWritten) -> None:
        stuck.set()
        await asyncio.Event().wait()

    await inbox.open()
    await broker.start()
    try:
        sequence = await append(broker, clause(0))
        await stuck.wait()
    finally:
        await inbox.close()
    assert await taken(broker) == [("handled", sequence), ("cancelled", sequence)]
    assert [chunk.idle for chunk in await chunks(broker)][-1]


async def test_a_dead_letter_that_is_put_back_has_its_place_in_the_log(broker: NatsBroker) -> None:
    inbox = Inbox(broker, SYNTHESIS, tapes=tapes_of(broker))
    is_broken, handled = [True], list[str]()

    @inbox.on(e.ReplyClauseWritten)
    async def written(event: e.ReplyClauseWritten) -> None:
        if is_broken[0]:
            raise ValueError("never")
        handled.append(event.event_id)

    await inbox.open()
    await broker.start()
    try:
        sequence = await append(broker, clause(0))
        await until_stored(broker, 1, "DEAD")
        is_broken[0] = False
        [letter] = await dead_letters(connection(broker))
        await put_back(connection(broker), letter)
        assert await taken(broker) == [("handled", sequence)] * 4
        inbox.take(clause(1))
        await until(lambda: "s-1:c1" in handled)
        assert (await taken(broker))[4:] == [("taken", "s-1:c1")]
    finally:
        await inbox.close()


async def test_a_log_that_cannot_be_read_is_on_the_tape_with_the_reason(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_answer(*_: object) -> list[object]:
        raise TimeoutError("no answer")

    monkeypatch.setattr(taped_log, "facts_after", no_answer)
    with pytest.raises(TimeoutError):
        await LiveLog(broker, tapes_of(broker)).facts_after("s-1")
    assert await taken(broker) == [("unread", ["TimeoutError: no answer", 0, ""])]


async def test_a_copy_that_was_frozen_and_lost_its_work_says_so_on_its_tape_which_has_no_gap(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "HEARTBEAT_S", 0.05)
    own = Inbox(broker, SYNTHESIS, tapes=tapes_of(broker))
    begun = asyncio.Event()

    @own.on(e.ReplyClauseWritten)
    async def written(event: e.ReplyClauseWritten) -> None:
        begun.set()
        await asyncio.Event().wait()

    await own.open()
    await broker.start()
    try:
        await append(broker, clause(0))
        await begun.wait()
        # From now on ten seconds pass between any two looks at the clock.
        monkeypatch.setattr(inbox, "time", SimpleNamespace(monotonic=itertools.count(0, 10).__next__))
        await until(lambda: not own._held.messages())
        sequence = (await facts_after(broker, "s-1"))[0].sequence
        found = await chunks(broker)
        assert [chunk.n for chunk in found] == list(range(len(found)))
        assert found[-1].idle
        assert (await taken(broker))[:2] == [("handled", sequence), ("cancelled", sequence)]
    finally:
        await own.close()


async def test_live_events_are_on_the_tape_with_their_place_in_the_log(broker: NatsBroker) -> None:
    heard: list[str] = []
    live = LiveEvents(broker, SYNTHESIS, tapes_of(broker))

    @live.on(e.SessionClosed)
    async def closed(event: e.SessionClosed) -> None:
        heard.append(event.event_id)

    @live.on(e.TurnInterrupted, e.ReplyDiscarded)
    async def stopped(event: e.TurnInterrupted | e.ReplyDiscarded) -> None:
        raise AssertionError

    async with live:
        await append(broker, turn_ended(0))
        sequence = await append(broker, session_closed())
        await until(lambda: bool(heard))
    [chunk] = await chunks(broker)
    assert [(each.kind, each.payload) for each in chunk.deliveries] == [("live", sequence)]
    assert (chunk.basis, chunk.idle) == (sequence, True)


async def test_while_nats_is_away_the_tape_waits(broker: NatsBroker, nats_server: NatsServer) -> None:
    tape = tapes_of(broker).of("s-1")
    async with tapes_written(broker):
        await nats_server.stop(signal.SIGKILL)
        await until(lambda: not connection(broker).is_connected)
        tape.took("tick", 1)
        tape.turn_is_over()
        tape.took("tick", 2)
        await nats_server.start()
        await until(lambda: connection(broker).is_connected)
        await until_stored(broker, 1)
    assert await taken(broker) == [("tick", 1), ("tick", 2)]


async def test_without_room_for_tapes_nothing_is_noted_and_facts_still_tell_who_appended_them(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAREDEVIL_JOURNAL_MAX_MB", "0")
    settings.cache_clear()
    tapes = make_tapes(broker, REASONING)
    assert isinstance(tapes, Untaped)
    first = await LiveLog(broker, tapes).append(turn_ended(0))
    second = await LiveLog(broker, tapes).append(turn_ended(1))
    assert second.event.appended_by == tapes.instance != ""
    assert second.event.basis == first.sequence
    settings.cache_clear()


async def until_stored(broker: NatsBroker, count: int, stream: str = JOURNAL) -> None:
    """Return once a stream has so many messages."""
    js = connection(broker).jetstream()

    async def are_there() -> bool:
        return (await js.stream_info(stream)).state.messages >= count

    await until_async(are_there)
