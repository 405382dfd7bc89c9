"""A session's subjects again, on a real NATS: same bytes, same order, same distances, and never where they count."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from faststream.nats import NatsBroker
from nats.aio.msg import Msg

from contracts.codec import decode
from contracts.topology import (
    CHANNELS,
    REPLAYED_FACT,
    REQUESTS,
    STREAMS,
    VOICE,
    checked_replay_prefix,
    replay_subjects,
)
from infra.log.connection import connection, jetstream
from infra.log.event_log import append
from infra.replay.pace import AT_ONCE
from infra.replay.publish import PublishStopped, publish
from infra.replay.recorded_session import RecordedSession, recorded_session
from tests.infra.erasure.talk import session
from tests.servers import NatsServer
from tests.waiting import until, until_async


async def stored(broker: NatsBroker) -> RecordedSession:
    for fact in session("s-1", "sam"):
        await append(broker, fact)
    return await recorded_session(connection(broker), "s-1")


@asynccontextmanager
async def hearing(broker: NatsBroker, subjects: str) -> AsyncIterator[list[Msg]]:
    heard: list[Msg] = []

    async def take(message: Msg) -> None:
        heard.append(message)

    subscription = await connection(broker).subscribe(subjects, cb=take)
    yield heard
    await subscription.unsubscribe()


async def test_a_subscriber_gets_every_fact_with_its_bytes_in_the_logs_order_and_what_it_was_stored_as(
    broker: NatsBroker,
) -> None:
    recorded = await stored(broker)
    async with hearing(broker, replay_subjects("s-1")) as heard:
        done = await publish(connection(broker), recorded, speed=AT_ONCE)
        await until(lambda: len(heard) == len(recorded.facts))
    assert done.facts == len(heard)
    assert heard[0].subject == "replay.s-1.session.opened"
    for message, fact in zip(heard, recorded.facts, strict=True):
        assert message.headers is not None
        assert message.data == fact.message.data
        assert decode(message.headers["Nats-Subject"], message.data) == fact.event
        assert message.headers["Nats-Sequence"] == str(fact.sequence)
        assert message.headers["Nats-Time-Stamp"] == fact.message.headers["Nats-Time-Stamp"]
        assert message.headers["Daredevil-Event"] == type(fact.event).__name__
        assert message.headers["Daredevil-Event-Id"] == fact.event.event_id
        assert "Nats-Msg-Id" not in message.headers


async def test_a_session_can_be_replayed_again_and_again_into_a_stream_and_the_log_stays_as_it_is(
    broker: NatsBroker,
) -> None:
    recorded, js = await stored(broker), jetstream(broker)
    before = await js.stream_info(VOICE)
    await js.add_stream(name="REPLAYS", subjects=["test.replay.>"])
    for _ in range(3):
        await publish(connection(broker), recorded, "test.replay", AT_ONCE)

    async def all_are_stored() -> bool:  # NATS has them when `publish` returns, and stores them a moment later
        return (await js.stream_info("REPLAYS")).state.messages == 3 * len(recorded.facts)

    await until_async(all_are_stored)
    assert (await js.stream_info(VOICE)).state == before.state


async def test_it_begins_where_it_is_told_to(broker: NatsBroker) -> None:
    recorded = await stored(broker)
    async with hearing(broker, replay_subjects("s-1")) as heard:
        done = await publish(connection(broker), recorded, speed=AT_ONCE, from_sequence=20)
        await until(lambda: len(heard) == done.facts)
    assert heard[0].headers is not None
    assert (heard[0].headers["Nats-Sequence"], done.facts) == ("20", len(recorded.facts) - 19)


async def test_what_the_build_cannot_read_is_published_too(broker: NatsBroker) -> None:
    await jetstream(broker).publish("voice.s-1.mood.sensed", b"\x80", stream=VOICE)
    recorded = await stored(broker)
    async with hearing(broker, "replay.s-1.mood.*") as heard:
        await publish(connection(broker), recorded, speed=AT_ONCE)
        await until(lambda: heard)
    assert heard[0].data == b"\x80"


async def test_a_nats_that_goes_away_in_between_is_said_with_how_far_it_came(
    broker: NatsBroker, nats_server: NatsServer
) -> None:
    from infra.log.nats_reach import connect_once

    recorded = await stored(broker)
    nc = await connect_once(nats_server.url)
    await nats_server.stop()
    await until(lambda: nc.is_closed)
    with pytest.raises(PublishStopped, match=f"after 0 of {len(recorded.facts)} facts"):
        await publish(nc, recorded, speed=AT_ONCE)


async def test_a_connection_that_was_lost_in_between_ends_it_since_facts_may_be_lost_with_it(
    broker: NatsBroker, nats_server: NatsServer
) -> None:
    recorded, nc = await stored(broker), connection(broker)
    long = replace(recorded, messages=recorded.messages * 100)
    publishing = asyncio.create_task(publish(nc, long, speed=0.001))
    async with hearing(broker, replay_subjects("s-1")) as heard:
        await until(lambda: heard)
        await nats_server.stop()
        await nats_server.start()
        await until(lambda: nc.stats["reconnects"])
        with pytest.raises(PublishStopped, match="the connection was lost, and facts with it"):
            await asyncio.wait_for(publishing, 30)


@pytest.mark.parametrize("prefix", ["replay", "test.replay", "My_Test-2"])
def test_facts_may_be_replayed_on_words_of_ones_own(prefix: str) -> None:
    assert checked_replay_prefix(prefix) == prefix


OURS = {row.address.text.partition(".")[0] for row in (*CHANNELS, *REQUESTS) if row is not REPLAYED_FACT}


@pytest.mark.parametrize(
    "first", sorted({"voice", "live", "audio"} | OURS | {s.subjects[0].split(".")[0] for s in STREAMS})
)
def test_facts_are_not_replayed_where_the_system_listens_or_stores(first: str) -> None:
    for prefix in (first, f"{first}.test"):
        with pytest.raises(ValueError, match=f"subjects that begin with '{first}'"):
            checked_replay_prefix(prefix)


@pytest.mark.parametrize(
    "prefix", ["", "$JS", "$JS.API", "$KV.x", "_INBOX", "a.*", ">", "a b", "a.", ".a", "a..b", "ä"]
)
def test_what_begins_no_subject_or_reaches_nats_itself_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="facts cannot be replayed on"):
        checked_replay_prefix(prefix)
