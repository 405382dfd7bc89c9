"""The figures of the log: what JetStream says of its consumers, and what is told when it says nothing."""

import asyncio
from pathlib import Path

import pytest
from faststream.nats import NatsBroker

from contracts.events import Event
from contracts.topology import SYNTHESIS, TRANSCRIPT
from infra.log import log_figures
from infra.log.connection import connection
from infra.log.event_log import append
from infra.log.log_figures import STALE_S, LogFigures
from infra.metrics import table as t
from tests.infra.log.copies import a_copy_of, clause, turn_ended
from tests.infra.log.test_dead_letters import refuse
from tests.infra.log.test_inbox import Taker, all_answered
from tests.infra.metrics.measured import read_metrics
from tests.servers import NatsServer
from tests.waiting import until


async def test_a_consumer_that_nobody_serves_falls_behind(broker: NatsBroker, tmp_path: Path) -> None:
    figures = LogFigures(broker, tmp_path)
    with read_metrics() as read:
        async with figures.measured():
            for index in range(3):
                await append(broker, clause(index))
            await append(broker, turn_ended())
            await figures.look()
            assert read.of(t.PENDING, durable=SYNTHESIS) == 3
            assert read.of(t.PENDING, durable=TRANSCRIPT) == 0
            assert read.of(t.LOG_SEQUENCE) == 4
            assert read.of(t.STREAM_MESSAGES, stream="VOICE") == 4
            assert read.of(t.STREAM_SIZE, stream="VOICE") > 100
            assert read.of(t.STORAGE_USED) > 100
            before_s = read.of(t.LAG, durable=SYNTHESIS)
            assert 0 < before_s < 60
            assert read.of(t.LAG, durable=TRANSCRIPT) == 0
            await figures.look()
            assert read.of(t.LAG, durable=SYNTHESIS) > before_s
            async with a_copy_of(SYNTHESIS, Taker()):
                await all_answered(broker, SYNTHESIS)
            await figures.look()
            assert read.of(t.PENDING, durable=SYNTHESIS) == 0
            assert read.of(t.LAG, durable=SYNTHESIS) == 0


async def test_what_is_held_is_not_waiting(broker: NatsBroker, tmp_path: Path) -> None:
    figures, taken, leave = LogFigures(broker, tmp_path), asyncio.Event(), asyncio.Event()

    async def hold(_: Event) -> None:
        taken.set()
        await leave.wait()

    with read_metrics() as read:
        async with figures.measured(), a_copy_of(SYNTHESIS, hold):
            await append(broker, clause(0))
            await taken.wait()
            await figures.look()
            assert read.of(t.UNACKNOWLEDGED, durable=SYNTHESIS) == 1
            assert read.of(t.PENDING, durable=SYNTHESIS) == 0
            leave.set()
            await all_answered(broker, SYNTHESIS)


async def test_dead_letters_by_their_consumer(broker: NatsBroker, tmp_path: Path) -> None:
    figures = LogFigures(broker, tmp_path)
    with read_metrics() as read:
        async with figures.measured(), a_copy_of(SYNTHESIS, refuse):
            await append(broker, clause(0))
            await all_answered(broker, SYNTHESIS)
            await figures.look()
        assert read.of(t.DEAD_LETTERS_WRITTEN, durable=SYNTHESIS) == 1
        async with figures.measured():
            await figures.look()
            assert read.of(t.DEAD_LETTERS, durable=SYNTHESIS) == 1
            assert read.of(t.DEAD_LETTERS, durable=TRANSCRIPT) == 0


async def test_the_room_on_the_disk(broker: NatsBroker, tmp_path: Path) -> None:
    with read_metrics() as read:
        async with LogFigures(broker, tmp_path).measured():
            assert 0 < read.of(t.DISK_FREE) < read.of(t.DISK_SIZE)
        async with LogFigures(broker, tmp_path / "elsewhere").measured():
            assert t.DISK_FREE.name not in read.series()


@pytest.mark.slow
async def test_a_log_that_is_away_is_not_ready_and_its_old_figures_are_not_told(
    nats_server: NatsServer, broker: NatsBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_figures, "jetstream", lambda _: connection(broker).jetstream(timeout=1))
    figures = LogFigures(broker, tmp_path)
    with read_metrics() as read:
        async with figures.measured():
            await figures.look()
            assert read.of(t.LOG_READY) == 1
            nats_server.kill()
            await until(lambda: not connection(broker).is_connected)
            figures._probe._asked_s = float("-inf")
            await figures.look()
            assert read.of(t.LOG_READY) == 0
            assert read.of(t.LOG_SEQUENCE) == 0
            assert t.LOG_SEQUENCE.name in read.series()
            figures._looked_s -= STALE_S
            assert t.LOG_SEQUENCE.name not in read.series()
            assert read.of(t.LOG_READY) == 0


async def test_how_long_facts_took_to_be_stored_and_messages_to_be_handled(broker: NatsBroker) -> None:
    with read_metrics() as read:
        async with a_copy_of(SYNTHESIS, Taker()):
            await append(broker, clause(0))
            await all_answered(broker, SYNTHESIS)
            await until(lambda: read.of(t.HANDLING_TIME, **{"messaging.consumer.group.name": SYNTHESIS}) == 1)
        assert read.of(t.APPEND_TIME, **{"messaging.destination.name": "VOICE"}) == 1
