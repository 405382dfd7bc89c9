import asyncio
import logging

import pytest
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import ServiceUnavailableError

from infra.log.nats_reach import shown_url, wait_for_nats, why_away
from infra.system.nats import free_port
from tests.infra.log.nats_words import nats_problem
from tests.servers import NatsServer
from tests.waiting import until


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222"),
        ("nats://sam:secret@host:4222", "nats://host:4222"),
        ("tls://token@a, nats://u:p@[::1]:4222", "tls://a,nats://[::1]:4222"),
        ("nats://u:p@[broken", "[broken"),
    ],
)
def test_an_address_is_shown_without_who_connects(url: str, shown: str) -> None:
    assert shown_url(url) == shown


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ServiceUnavailableError(),
            "JetStream cannot be used at the moment: a cluster needs more than half of its servers",
        ),
        (NatsTimeoutError(), "NATS does not answer: timeout"),
        (TimeoutError(), "NATS does not answer: TimeoutError"),
    ],
)
def test_why_nothing_is_answered_is_said_in_words(error: Exception, said: str) -> None:
    assert why_away(error) == said


async def test_a_server_that_answers_is_no_problem(nats_server: NatsServer) -> None:
    assert await nats_problem(nats_server.url) == ""


async def test_why_a_server_does_not_answer_is_reported() -> None:
    assert "refused" in (await nats_problem(f"nats://127.0.0.1:{free_port()}")).lower()
    assert await nats_problem("nats://no-such-host.invalid:4222") == "its name does not resolve"
    assert await nats_problem("nonsense://") != ""


async def test_who_waits_for_a_server_says_so_once_and_can_leave(caplog: pytest.LogCaptureFixture) -> None:
    leaving = asyncio.Event()
    waiting = asyncio.create_task(wait_for_nats(f"nats://u:secret@127.0.0.1:{free_port()}", leaving))
    with caplog.at_level(logging.WARNING):
        await until(lambda: caplog.records)
        await asyncio.sleep(0)
        leaving.set()
        assert await waiting is False
    [told] = [record.getMessage() for record in caplog.records if record.name == "infra.log.nats_reach"]
    assert "does not answer" in told
    assert "secret" not in told
