"""Processes whose wall clocks are hours apart, or step, agree on one time."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import nats
import pytest
from faststream.nats import NatsBroker
from nats.aio.client import Client

from infra.log.clock import IDLE_NS, SteadyClock, elapsed_ns, time_ns_of
from infra.log.common_time import OthersTime, agree, common_time, leading
from infra.log.connection import round_trip
from tests.servers import NatsServer
from tests.waiting import until

HOUR_NS = 3_600_000_000_000
CLOSE_NS = 400_000_000


class Process:
    """A process on a machine whose wall clock is `ahead_ns` of NATS's, and can be set."""

    def __init__(self, ahead_ns: int = 0) -> None:
        self.ahead_ns, self._later_ns = ahead_ns, 0
        self.clock = SteadyClock(lambda: time.time_ns() + self.ahead_ns, lambda: elapsed_ns() + self._later_ns)

    def wait(self, ns: int) -> None:
        """Let time pass for this process: its clocks go on."""
        self._later_ns += ns
        self.ahead_ns += ns

    def is_ahead_ns(self) -> int:
        return self.clock.peek_ns() - time.time_ns()


@pytest.fixture
async def nc(broker: NatsBroker, nats_server: NatsServer) -> AsyncIterator[Client]:
    client = await nats.connect(nats_server.url)
    yield client
    await client.close()


def test_nats_time_is_read_to_the_microsecond() -> None:
    assert time_ns_of("2026-11-29T14:11:14.123456789Z") == 1_795_961_474_123_456_000
    assert time_ns_of("2026-11-29T14:11:14Z") == 1_795_961_474_000_000_000


def test_the_time_is_that_of_who_has_been_at_it_for_longest() -> None:
    short, long = OthersTime(1, 5, 0), OthersTime(2, 7, 0)
    assert leading([short, long], 6) is long
    assert leading([long, short], 7) is None
    assert leading([], 0) is None


def test_a_clock_is_busy_from_its_first_question_until_nobody_has_asked_for_a_while() -> None:
    process = Process()
    assert process.clock.busy_ns() == 0
    process.clock.now_ns()
    process.wait(IDLE_NS // 2)
    process.clock.now_ns()
    process.wait(IDLE_NS // 2)
    assert process.clock.busy_ns() >= IDLE_NS
    process.wait(IDLE_NS // 2 + 1)
    assert process.clock.busy_ns() == 0


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_machine_that_is_an_hour_apart_takes_the_time_of_nats(nc: Client, hours: int) -> None:
    process = Process(hours * HOUR_NS)
    await agree(nc, process.clock)
    assert abs(process.is_ahead_ns()) < CLOSE_NS
    process.wait(2 * IDLE_NS)
    process.clock.now_ns()
    assert abs(process.is_ahead_ns() - 2 * IDLE_NS) < CLOSE_NS, "it went back to its own wall clock"


async def test_where_no_log_is_yet_a_process_keeps_its_own_time(nats_server: NatsServer) -> None:
    empty = await nats.connect(nats_server.url)
    process = Process(HOUR_NS)
    await agree(empty, process.clock)
    assert abs(process.is_ahead_ns() - HOUR_NS) < CLOSE_NS
    await empty.close()


@pytest.mark.parametrize("hours", [-1, 1])
async def test_who_comes_after_a_step_goes_on_in_the_time_of_those_that_are_busy(nc: Client, hours: int) -> None:
    """NATS and all wall clocks have stepped; a conversation goes on in the time that it began with."""
    old, new = Process(), Process()
    old.clock.agree(time.time_ns() - hours * HOUR_NS)
    old.clock.now_ns()
    async with common_time(nc, old.clock), common_time(nc, new.clock):
        assert abs(new.is_ahead_ns() + hours * HOUR_NS) < CLOSE_NS
        assert abs(old.is_ahead_ns() + hours * HOUR_NS) < CLOSE_NS


async def test_of_two_that_are_busy_the_younger_one_gives_way(nc: Client) -> None:
    old, young = Process(), Process()
    old.clock.agree(time.time_ns() + HOUR_NS)
    old.clock.now_ns()
    old.wait(IDLE_NS // 2)
    old.clock.now_ns()
    young.clock.now_ns()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(common_time(nc, old.clock, every_s=0.05))
        await stack.enter_async_context(common_time(nc, young.clock, every_s=0.05))
        await until(lambda: abs(young.is_ahead_ns() - old.is_ahead_ns()) < CLOSE_NS)
        assert old.is_ahead_ns() > HOUR_NS // 2


async def test_when_nobody_is_busy_a_step_of_nats_is_followed(nc: Client) -> None:
    process, idle = Process(), Process()
    for each in (process, idle):
        each.clock.agree(time.time_ns() + HOUR_NS)
        each.clock.now_ns()
        each.wait(IDLE_NS + 1)
    async with common_time(nc, idle.clock):
        await agree(nc, process.clock)
        assert abs(process.is_ahead_ns()) < CLOSE_NS


@pytest.mark.slow
async def test_without_nats_a_process_keeps_its_own_time(nc: Client, nats_server: NatsServer) -> None:
    process = Process(HOUR_NS)
    await round_trip(nc)
    nats_server.freeze()
    try:
        async with common_time(nc, process.clock):
            assert abs(process.is_ahead_ns() - HOUR_NS) < CLOSE_NS
    finally:
        nats_server.thaw()
