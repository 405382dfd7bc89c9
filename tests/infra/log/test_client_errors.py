"""What the NATS client reports."""

import asyncio
import logging

import pytest
from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from nats.errors import Error, NoRespondersError, SlowConsumerError

from infra.log.client_errors import LOG_EVERY_S, SUBJECTS_COUNTED, ClientErrors
from infra.log.connection import connection
from tests.waiting import until


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def dropped(subject: str) -> SlowConsumerError:
    return SlowConsumerError(subject=subject, reply="", sid=1, sub=None)  # type: ignore[arg-type]


async def test_dropped_messages_are_warnings_with_subject_and_count(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    errors = ClientErrors(clock)
    await errors(dropped("live.a"))
    for _ in range(2000):
        await errors(dropped("live.a"))
    await errors(dropped("live.b"))
    clock.now_s += LOG_EVERY_S
    await errors(dropped("live.b"))
    first, second = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "1 of live.a" in first.message
    assert "2000 of live.a, 2 of live.b" in second.message


async def test_no_number_of_subjects_fills_the_memory_or_the_line(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    errors = ClientErrors(clock)
    for number in range(SUBJECTS_COUNTED * 3):
        await errors(dropped(f"audio.{number}"))
    clock.now_s += LOG_EVERY_S
    await errors(dropped("audio.0"))
    line = caplog.records[-1].message
    assert "other subjects" in line
    assert len(line) < 300


@pytest.mark.parametrize("error", [ConnectionResetError("reset"), TimeoutError(), ConnectionRefusedError("refused")])
async def test_a_connection_that_is_cut_is_left_to_those_who_tell_it(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    await ClientErrors()(error)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("error", [Error("stale something"), NoRespondersError(), ValueError("bad header")])
async def test_everything_else_is_a_warning(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    await ClientErrors()(error)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert caplog.records[0].message != "NATS: "


async def test_a_process_that_cannot_keep_up_says_what_it_loses(
    broker: NatsBroker, caplog: pytest.LogCaptureFixture
) -> None:
    going_on = asyncio.Event()
    nc = connection(broker)

    async def slow(message: Msg) -> None:
        await going_on.wait()

    await nc.subscribe("flood.*", cb=slow, pending_msgs_limit=10)
    for _ in range(100):
        await nc.publish("flood.one", b"x")
    await nc.flush()
    await until(lambda: "of flood.one" in caplog.text)
    going_on.set()


async def test_what_is_not_allowed_is_an_error_and_the_same_one_is_told_now_and_then(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    errors = ClientErrors(clock)
    for _ in range(3):
        await errors(Error('nats: permissions violation for publish to "voice.s-1.turn.ended"'))
        await errors(Error("nats: Authorization Violation"))
    clock.now_s += LOG_EVERY_S
    await errors(Error("nats: Authorization Violation"))
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("ERROR", 'NATS: permissions violation for publish to "voice.s-1.turn.ended"'),
        ("WARNING", "NATS: Authorization Violation"),
        ("WARNING", "NATS: Authorization Violation"),
    ]
