"""How an actor takes its events: order, side by side, redelivery, retries, and what comes back from the dead."""

import asyncio
import signal
from collections import defaultdict
from subprocess import Popen
from typing import Any

import pytest
from faststream.nats import NatsBroker

from contracts.events import Event, ReplyClauseWritten
from contracts.topology import VOICE, Durable
from infra.log.broker import make_broker
from infra.log.connection import connection, jetstream
from infra.log.dead_letters import dead_letters
from infra.log.event_log import append
from infra.log.inbox import Inbox
from infra.log.lanes import Lanes
from tests.infra.log.copies import (
    a_copy_of,
    a_process_that_takes_and_never_ends,
    clause,
    session_closed,
    track_published,
)
from tests.servers import NatsServer
from tests.stepping import Injected, with_cancellation
from tests.waiting import until


class Taker:
    """A handler that notes what it took."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def __call__(self, event: Event) -> None:
        self.ids.append(event.event_id)


async def unanswered(broker: NatsBroker, durable: str) -> int:
    """How many messages the durable still has, taken or not."""
    info = await jetstream(broker).consumer_info(VOICE, durable)
    return (info.num_ack_pending or 0) + (info.num_pending or 0)


async def all_answered(broker: NatsBroker, durable: str) -> None:
    for _ in range(500):
        if not await unanswered(broker, durable):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{durable} has not answered everything")


async def line_of(process: "Popen[Any]") -> str:
    assert process.stdout is not None
    line: str = await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), 30)
    return line.strip()


async def test_one_session_is_taken_in_order_however_long_each_event_takes(broker: NatsBroker) -> None:
    taken: list[str] = []

    async def slow_first(event: Event) -> None:
        if event.event_id.endswith("c0"):
            await asyncio.sleep(0.2)
        taken.append(event.event_id)

    for n in range(20):
        await append(broker, clause(n))
    async with a_copy_of("synthesis", slow_first):
        await until(lambda: len(taken) == 20)
    assert taken == [f"s-1:c{n}" for n in range(20)]


async def test_sessions_are_taken_side_by_side(broker: NatsBroker) -> None:
    started: dict[str, list[str]] = defaultdict(list)
    everybody = asyncio.Event()

    async def wait_for_everybody(event: Event) -> None:
        started[event.session_id].append(event.event_id)
        if len(started) == 30:
            everybody.set()
        await everybody.wait()

    for n in range(2):
        for session in range(30):
            await append(broker, clause(n, f"s-{session}"))
    async with a_copy_of("synthesis", wait_for_everybody):
        await until(lambda: sum(map(len, started.values())) == 60)
    assert all(ids == [f"{session}:c0", f"{session}:c1"] for session, ids in started.items())


async def test_an_event_handed_to_a_task_holds_its_message_and_lets_the_next_one_go_on(broker: NatsBroker) -> None:
    taken: list[str] = []
    end = asyncio.Event()

    async def wait_for_the_end() -> None:
        await end.wait()

    async def in_a_task(event: Event) -> "asyncio.Task[None]":
        taken.append(event.event_id)
        return asyncio.create_task(wait_for_the_end())

    for n in range(3):
        await append(broker, clause(n))
    async with a_copy_of("synthesis", in_a_task):
        await until(lambda: len(taken) == 3)
        assert await unanswered(broker, "synthesis") == 3
        end.set()
        await all_answered(broker, "synthesis")
    assert taken == ["s-1:c0", "s-1:c1", "s-1:c2"]


async def test_what_a_cancelled_task_has_not_done_is_done_by_another(broker: NatsBroker) -> None:
    tasks: list[asyncio.Task[None]] = []
    end = asyncio.Event()

    async def wait_for_the_end() -> None:
        await end.wait()

    async def in_a_task(event: Event) -> "asyncio.Task[None]":
        tasks.append(asyncio.create_task(wait_for_the_end()))
        return tasks[-1]

    await append(broker, clause(0))
    async with a_copy_of("synthesis", in_a_task):
        await until(lambda: tasks)
        tasks[0].cancel()
        await until(lambda: len(tasks) == 2)
        assert await unanswered(broker, "synthesis") == 1
        end.set()
        await all_answered(broker, "synthesis")
    assert await dead_letters(connection(broker)) == []


async def test_two_copies_share_the_work_and_take_each_event_once(broker: NatsBroker) -> None:
    one, two = Taker(), Taker()
    async with a_copy_of("synthesis", one), a_copy_of("synthesis", two):
        for n in range(100):
            await append(broker, clause(0, f"s-{n}"))
        await all_answered(broker, "synthesis")
    assert sorted(one.ids + two.ids) == sorted(f"s-{n}:c0" for n in range(100))
    assert one.ids
    assert two.ids


@pytest.mark.slow
async def test_what_a_killed_copy_held_comes_to_another_in_order_within_seconds(broker: NatsBroker) -> None:
    other = Taker()
    with a_process_that_takes_and_never_ends() as process:
        assert await line_of(process) == "ready"
        for n in range(5):
            await append(broker, clause(n))
            assert await line_of(process) == f"took s-1:c{n}"
        process.send_signal(signal.SIGKILL)
        async with a_copy_of("synthesis", other):
            await until(lambda: len(other.ids) == 5, within_s=6)
    assert other.ids == [f"s-1:c{n}" for n in range(5)]


@pytest.mark.slow
async def test_a_copy_that_was_frozen_gives_up_what_others_have_taken(broker: NatsBroker) -> None:
    other = Taker()
    with a_process_that_takes_and_never_ends() as process:
        assert await line_of(process) == "ready"
        await append(broker, clause(0))
        assert await line_of(process) == "took s-1:c0"
        process.send_signal(signal.SIGSTOP)
        async with a_copy_of("synthesis", other):
            await until(lambda: other.ids == ["s-1:c0"], within_s=6)
            process.send_signal(signal.SIGCONT)
            assert await line_of(process) == "gave up s-1:c0"
            await all_answered(broker, "synthesis")


async def test_a_copy_that_stops_gives_back_what_it_held_at_once(broker: NatsBroker) -> None:
    other, stuck = Taker(), asyncio.Event()

    async def hang(event: Event) -> None:
        stuck.set()
        await asyncio.Event().wait()

    await append(broker, clause(0))
    async with a_copy_of("synthesis", hang):
        await asyncio.wait_for(stuck.wait(), 10)
    async with a_copy_of("synthesis", other):
        await until(lambda: other.ids == ["s-1:c0"], within_s=2)


async def test_a_full_copy_leaves_the_rest_to_others_and_keeps_the_order(broker: NatsBroker) -> None:
    taken: list[str] = []
    go_on = asyncio.Event()

    async def wait(event: Event) -> None:
        await go_on.wait()
        taken.append(event.event_id)

    other = Taker()
    async with a_copy_of("synthesis", wait, limit=2):
        for n in range(6):
            await append(broker, clause(n))
        async with a_copy_of("synthesis", other):
            await until(lambda: len(other.ids) == 4)
        for n in range(6, 12):
            await append(broker, clause(n))
        go_on.set()
        await until(lambda: len(taken) == 8)
    assert other.ids == [f"s-1:c{n}" for n in range(2, 6)]
    assert taken == [f"s-1:c{n}" for n in (0, 1, *range(6, 12))]


async def test_a_handler_that_fails_now_and_then_is_tried_again_before_the_next_event(broker: NatsBroker) -> None:
    attempts: list[str] = []

    async def fail_twice(event: Event) -> None:
        attempts.append(event.event_id)
        if attempts.count("s-1:c0") < 3:
            raise ConnectionError("engine away")

    await append(broker, clause(0))
    await append(broker, clause(1))
    async with a_copy_of("synthesis", fail_twice):
        await all_answered(broker, "synthesis")
    assert attempts == ["s-1:c0"] * 3 + ["s-1:c1"]
    assert await dead_letters(connection(broker)) == []


async def test_a_handler_that_always_fails_sends_its_event_to_dead_and_goes_on(broker: NatsBroker) -> None:
    taken: list[str] = []

    async def fail(event: Event) -> None:
        if event.event_id == "s-1:c0":
            raise ValueError("no such\nvoice")
        taken.append(event.event_id)

    await append(broker, clause(0))
    await append(broker, clause(1))
    async with a_copy_of("synthesis", fail):
        await all_answered(broker, "synthesis")
    letters = await dead_letters(connection(broker))
    assert [(one.durable, one.subject, one.reason) for one in letters] == [
        ("synthesis", "voice.s-1.reply.clause", "ValueError: no such voice")
    ]
    assert taken == ["s-1:c1"]


async def test_an_event_that_kills_every_copy_ends_in_dead(broker: NatsBroker) -> None:
    js = jetstream(broker)
    taker = Taker()
    await append(broker, session_closed())
    subscription = await js.pull_subscribe("voice.*.*.*", durable="summaries", stream=VOICE)
    for _ in range(19):  # nineteen copies died over it
        (message,) = await subscription.fetch(1, timeout=2)
        await message.nak()
    async with a_copy_of("summaries", taker):
        await all_answered(broker, "summaries")
    assert taker.ids == []
    assert [letter.reason[:18] for letter in await dead_letters(connection(broker))] == ["delivered 20 times"]


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_after_nats_was_away_what_is_held_goes_on_and_is_not_taken_twice(
    broker: NatsBroker, nats_server: NatsServer, how: signal.Signals
) -> None:
    taken: list[str] = []
    go_on = asyncio.Event()

    async def wait(event: Event) -> None:
        taken.append(event.event_id)
        await go_on.wait()

    await append(broker, clause(0))
    await append(broker, clause(1))
    async with a_copy_of("synthesis", wait):
        await until(lambda: taken == ["s-1:c0"])
        await nats_server.stop(how)
        saying = asyncio.create_task(append(broker, clause(0, "s-2"), patience_s=30))
        await asyncio.wait([saying], timeout=3.2)  # longer than the durable's ack_wait
        await nats_server.start()
        await until(lambda: "s-2:c0" in taken)
        go_on.set()
        await until(lambda: "s-1:c1" in taken)
        await all_answered(broker, "synthesis")
    assert sorted(taken) == ["s-1:c0", "s-1:c1", "s-2:c0"]


async def test_bytes_on_the_logs_subjects_that_nobody_knows_stop_nothing(broker: NatsBroker) -> None:
    taker = Taker()
    async with a_copy_of("persistence", taker):
        await connection(broker).publish("voice.s-1.moon.risen", b"\x80")
        await append(broker, clause(0))
        await all_answered(broker, "persistence")
    assert taker.ids == ["s-1:c0"]


class Job:
    """A handler whose task goes on until it is told to end."""

    def __init__(self) -> None:
        self.begun = 0
        self.going_on = 0
        self.end = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []

    async def __call__(self, event: Event) -> "asyncio.Task[None]":
        self.begun += 1
        self.tasks.append(asyncio.create_task(self._go_on()))
        return self.tasks[-1]

    async def _go_on(self) -> None:
        self.going_on += 1
        try:
            await self.end.wait()
        finally:
            self.going_on -= 1


@pytest.mark.slow
@pytest.mark.parametrize(("owner", "method"), [(Inbox, "_deal_with"), (Lanes, "_work"), (Inbox, "_beat")])
@pytest.mark.parametrize("at", range(1, 5))
async def test_a_cancellation_from_elsewhere_never_ends_a_job(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch, owner: type[Any], method: str, at: int
) -> None:
    job, injected = Job(), Injected(at)
    real = getattr(owner, method)

    async def cancelled(self: object, *args: Any) -> None:
        await with_cancellation(real(self, *args), injected)

    monkeypatch.setattr(owner, method, cancelled)
    await append(broker, track_published("s-1"))
    async with a_copy_of("transcript", job):
        await until(lambda: job.going_on == 1)
        if method == "_beat":
            await until(lambda: injected.done, within_s=10)
        await until(lambda: job.going_on == 1)
        assert await unanswered(broker, "transcript") == 1
        await append(broker, track_published("s-1", "t-2"))
        await until(lambda: job.going_on == 2)
        assert await unanswered(broker, "transcript") == 2
        job.end.set()
        await all_answered(broker, "transcript")
    assert await dead_letters(connection(broker)) == []


async def test_a_job_whose_task_anybody_cancels_is_taken_up_again_and_not_acknowledged(broker: NatsBroker) -> None:
    job = Job()
    await append(broker, track_published("s-1"))
    async with a_copy_of("transcript", job):
        for n in range(1, 4):
            await until(lambda n=n: job.begun == n and job.going_on == 1, within_s=5)  # type: ignore[misc]
            job.tasks[-1].cancel()
        await until(lambda: job.begun == 4 and job.going_on == 1, within_s=5)
        assert await unanswered(broker, "transcript") == 1
        job.end.set()
        await all_answered(broker, "transcript")


@pytest.mark.slow
async def test_a_job_that_fails_again_and_again_is_never_given_up(broker: NatsBroker) -> None:
    attempts: list[str] = []

    async def fail_four_times(event: Event) -> None:
        attempts.append(event.event_id)
        if len(attempts) < 5:
            raise ValueError("no")

    await append(broker, track_published("s-1"))
    async with a_copy_of("transcript", fail_four_times):
        await all_answered(broker, "transcript")
    assert len(attempts) == 5
    assert await dead_letters(connection(broker)) == []


async def test_a_task_in_which_something_else_was_cancelled_is_tried_again_then_dead(broker: NatsBroker) -> None:
    begun: list[str] = []

    async def wait_for_what_is_cancelled(event: Event) -> "asyncio.Task[None]":
        begun.append(event.event_id)

        async def wait() -> None:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            future.cancel()
            await future

        return asyncio.create_task(wait())

    await append(broker, clause(0))
    async with a_copy_of("synthesis", wait_for_what_is_cancelled):
        await all_answered(broker, "synthesis")
    assert len(begun) == 3
    assert [letter.reason[:18] for letter in await dead_letters(connection(broker))] == ["CancelledElsewhere"]


@pytest.mark.slow
async def test_a_subscriber_that_something_has_cancelled_is_started_again(broker: NatsBroker) -> None:
    taker = Taker()
    async with a_copy_of("synthesis", taker) as copy:
        await append(broker, clause(0))
        await until(lambda: len(taker.ids) == 1)
        for subscriber in copy.subscribers:
            for task in subscriber.tasks:  # type: ignore[attr-defined]
                task.cancel()
        await append(broker, clause(1))
        await until(lambda: len(taker.ids) == 2)


async def test_what_a_copy_refuses_another_takes_and_the_only_copy_in_the_end_itself(broker: NatsBroker) -> None:
    taken: list[str] = []
    other = Taker()
    full = True

    async def take(event: Event) -> None:
        taken.append(event.event_id)

    async def refuses() -> bool:
        return full

    async with a_copy_of("transcript", take, refuses=refuses):
        await append(broker, track_published("s-1"))
        async with a_copy_of("transcript", other):
            await until(lambda: other.ids == ["s-1:t-1"], within_s=5)
        await append(broker, track_published("s-2"))
        full = False
        await until(lambda: taken == ["s-2:t-1"], within_s=5)


async def test_an_actor_of_ones_own_takes_what_its_own_durable_names(
    broker: NatsBroker, nats_server: NatsServer
) -> None:
    await append(broker, session_closed())
    await append(broker, clause(0))
    own, taken = make_broker("moderation"), list[str]()
    inbox = Inbox(own, Durable("moderation", (ReplyClauseWritten,)))

    @inbox.on(ReplyClauseWritten)
    async def written(event: ReplyClauseWritten) -> None:
        taken.append(event.event_id)

    await own.connect()
    await inbox.open()
    await own.start()
    try:
        await until(lambda: taken)
        await all_answered(broker, "moderation")
    finally:
        await inbox.close()
        await own.stop()
    assert taken == ["s-1:c0"]
