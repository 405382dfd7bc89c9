"""Saying a fact durably and once, and reading a session back, on a real log."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from faststream.nats import NatsBroker
from nats.aio.msg import Msg

from infra.log.broker import make_broker
from infra.log.connection import connection, jetstream
from infra.log.event_log import (
    ExpectedSequence,
    LogUnavailable,
    StaleWriter,
    append,
    facts_after,
    history,
)
from infra.log.provisioning import provision
from infra.settings import settings
from infra.telemetry.traces import span
from infra.telemetry.turns import trace_id_of
from tests.infra.log.copies import clause, turn_ended
from tests.servers import NatsServer, running_nats
from tests.spans import RecordedSpans


async def ids_of(broker: NatsBroker, session: str = "s-1", after: int = 0) -> list[str]:
    return [fact.event.event_id async for fact in history(connection(broker), session, after)]


async def test_a_fact_said_twice_is_stored_once(broker: NatsBroker) -> None:
    first = await append(broker, turn_ended(1))
    assert await append(broker, turn_ended(1)) == first
    assert await append(broker, turn_ended(2)) == first + 1
    assert await ids_of(broker) == ["s-1:t1", "s-1:t2"]


async def test_a_fact_said_again_beyond_the_dedup_window_is_read_once(broker: NatsBroker) -> None:
    for _ in range(2):  # without its id in the header: as if the window had passed
        await broker.publish(turn_ended(1), "voice.s-1.turn.ended", stream="VOICE", timeout=5)
    assert await ids_of(broker) == ["s-1:t1"]


async def test_a_fence_lets_the_owner_speak_and_keeps_a_stale_one_out(broker: NatsBroker) -> None:
    turns = "voice.s-1.turn.*"
    first = await append(broker, turn_ended(1), ExpectedSequence(turns, 0))
    await append(broker, clause(0), ExpectedSequence("voice.s-1.reply.*", 0))
    second = await append(broker, turn_ended(2), ExpectedSequence(turns, first))
    with pytest.raises(StaleWriter, match="another owner"):
        await append(broker, turn_ended(3), ExpectedSequence(turns, first))
    await append(broker, turn_ended(4), ExpectedSequence(turns, second))
    assert await ids_of(broker) == ["s-1:t1", "s-1:c0", "s-1:t2", "s-1:t4"]


async def test_a_fenced_fact_whose_ack_was_lost_counts_as_said(broker: NatsBroker) -> None:
    expected = ExpectedSequence("voice.s-1.turn.*", 0)
    stored = await append(broker, turn_ended(1), expected)
    assert await append(broker, turn_ended(1), expected) == stored


async def test_a_cancelled_say_is_never_taken_for_one_that_went_through(broker: NatsBroker) -> None:
    stored = asyncio.Event()
    await connection(broker).subscribe("live.>", cb=_setting(stored))
    for n in range(50):
        stored.clear()
        task = asyncio.create_task(append(broker, turn_ended(n)))
        await stored.wait()  # the answer is on its way, at this moment or the next
        for _ in range(n % 5):
            await asyncio.sleep(0)
        if task.cancel():
            with pytest.raises(asyncio.CancelledError):
                await task


def _setting(event: asyncio.Event) -> Callable[[Msg], Awaitable[None]]:
    async def receive(_: Msg) -> None:
        event.set()

    return receive


async def test_of_two_owners_only_one_goes_on(broker: NatsBroker) -> None:
    expected = ExpectedSequence("voice.s-1.turn.*", 0)
    results = await asyncio.gather(*(append(broker, turn_ended(n), expected) for n in (1, 2)), return_exceptions=True)
    assert sum(isinstance(result, StaleWriter) for result in results) == 1
    assert len(await ids_of(broker)) == 1


async def test_a_fact_said_while_nats_is_dead_is_stored_once_when_it_is_back(
    broker: NatsBroker, nats_server: NatsServer
) -> None:
    before = await append(broker, turn_ended(0))
    await nats_server.stop(signal.SIGKILL)
    saying = [asyncio.create_task(append(broker, turn_ended(n), patience_s=30)) for n in (1, 2, 3)]
    await asyncio.wait(saying, timeout=1)
    await nats_server.start()
    sequences = await asyncio.gather(*saying)
    assert sorted(sequences) == [before + 1, before + 2, before + 3]
    assert sorted(await ids_of(broker)) == ["s-1:t0", "s-1:t1", "s-1:t2", "s-1:t3"]


async def test_a_fenced_fact_said_while_nats_is_dead_is_stored_once(
    broker: NatsBroker, nats_server: NatsServer
) -> None:
    before = await append(broker, turn_ended(0))
    await nats_server.stop(signal.SIGKILL)
    saying = asyncio.create_task(
        append(broker, turn_ended(1), ExpectedSequence("voice.s-1.turn.*", before), patience_s=30)
    )
    await asyncio.wait([saying], timeout=1)
    await nats_server.start()
    assert await saying == before + 1
    assert await ids_of(broker) == ["s-1:t0", "s-1:t1"]


async def test_without_nats_patience_ends_with_a_clear_error(broker: NatsBroker, nats_server: NatsServer) -> None:
    await nats_server.stop(signal.SIGKILL)
    with pytest.raises(LogUnavailable, match="TurnEnded of s-1 was not stored"):
        await append(broker, turn_ended(1), patience_s=0.5)


async def test_a_long_session_is_read_back_whole_and_from_anywhere(broker: NatsBroker) -> None:
    for start in range(0, 1200, 100):
        await asyncio.gather(*(append(broker, turn_ended(n)) for n in range(start, start + 100)))
    await append(broker, turn_ended(0, session="s-2"))
    facts = await facts_after(broker, "s-1")
    assert sorted(fact.event.event_id for fact in facts) == sorted(f"s-1:t{n}" for n in range(1200))
    assert [fact.sequence for fact in facts] == sorted(fact.sequence for fact in facts)
    assert [fact async for fact in history(connection(broker), "s-1", after=facts[599].sequence)] == facts[600:]
    assert await ids_of(broker, "s-1", after=facts[-1].sequence) == []


async def test_what_is_no_event_is_left_out_when_a_session_is_read(broker: NatsBroker) -> None:
    await append(broker, turn_ended(1))
    await connection(broker).publish("voice.s-1.turn.ended", b"\xc1")
    await connection(broker).publish("voice.s-1.moon.risen", b"\x80")
    await append(broker, turn_ended(2))
    assert await ids_of(broker) == ["s-1:t1", "s-1:t2"]
    assert await ids_of(broker, "s-unknown") == []


@pytest.mark.parametrize("session", ["*", "a.b", ">", ""])
async def test_no_session_id_can_read_other_sessions(broker: NatsBroker, session: str) -> None:
    with pytest.raises(ValueError, match="not a session id"):
        await ids_of(broker, session)


async def test_a_fact_carries_the_trace_of_its_turn_wherever_it_is_appended(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    RecordedSpans(monkeypatch)
    turn = turn_ended(1)
    with span("something else"):
        await append(broker, turn)
    message = await jetstream(broker).get_last_msg("VOICE", "voice.s-1.turn.ended")
    assert message.headers is not None
    assert message.headers["traceparent"].startswith(f"00-{trace_id_of('s-1', turn.turn_id):032x}-")
    assert message.headers["Nats-Msg-Id"] == "s-1:t1"
    assert message.headers["Daredevil-Event"] == "TurnEnded"


async def test_a_full_disk_refuses_the_fact_and_keeps_those_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_nats(tmp_path / "nats", max_file_bytes=200_000) as server:
        monkeypatch.setenv("DAREDEVIL_NATS_URL", server.url)
        settings.cache_clear()
        broker = make_broker("test")
        await broker.connect()
        await provision(jetstream(broker))
        stored: list[str] = []

        async def talk_for_ever() -> None:
            while True:
                event = turn_ended(len(stored), text="x" * 10_000)
                await append(broker, event, patience_s=0.5)
                stored.append(event.event_id)

        with pytest.raises(LogUnavailable, match="TurnEnded of s-1 was not stored"):
            await talk_for_ever()
        assert 5 < len(stored) < 30
        assert await ids_of(broker) == stored
        await broker.stop()
    settings.cache_clear()
