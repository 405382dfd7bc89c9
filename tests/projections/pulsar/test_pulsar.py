"""The projection against a real Pulsar."""

import asyncio
from unittest.mock import ANY

import pytest
from faststream.nats import NatsBroker

from contracts.codec import decode, encode
from contracts.events import SessionErased, TurnEnded
from contracts.topology import VOICE, subject_of
from infra.log.connection import connection, jetstream
from infra.log.event_log import append, facts_after
from infra.settings import Settings
from projections.pulsar.routing import CONVERSATION, LIFECYCLE, METRICS_TOPIC, PRODUCERS
from projections.pulsar.topics import connect
from projections.pulsar.verify import verify
from tests.projections.pulsar.facts import BEGAN_NS, conversation, say_all
from tests.projections.pulsar.topics import caught_up, projecting, read_topic
from tests.waiting import until

pytestmark = pytest.mark.e2e


async def test_every_fact_is_in_its_topics_once_in_the_logs_order_with_what_readers_need(
    broker: NatsBroker, config: Settings
) -> None:
    facts = conversation("s-1", turns=2)
    async with projecting(broker, config) as projector:
        for fact in facts[:10]:
            await append(broker, fact)
        await caught_up(broker, projector)
        for fact in facts[10:]:
            await append(broker, fact)
        await caught_up(broker, projector)
        await until(lambda: projector.status().state == "live")
    kept = await read_topic(config, CONVERSATION)
    stored = await facts_after(broker, "s-1")
    assert [message.payload for message in kept] == [encode(fact.event) for fact in stored]
    assert [fact.event.event_id for fact in stored] == [fact.event_id for fact in facts]
    assert [message.sequence for message in kept] == list(range(1, len(facts) + 1))
    assert kept[4].properties == {
        "session": "s-1",
        "event": "TurnEnded",
        "schema_version": "2",
        "sequence": "5",
        "traceparent": ANY,
    }
    assert (kept[4].key, kept[4].event_time_ms) == ("s-1", BEGAN_NS // 1_000_000 + 4)
    lifecycle = [message.properties["event"] for message in await read_topic(config, LIFECYCLE)]
    assert lifecycle == ["SessionOpened", "ParticipantJoined", "TrackPublished", "SessionClosed"]
    metrics = await read_topic(config, METRICS_TOPIC)
    assert {"PlaybackStarted", "TurnRecorded"} <= {message.properties["event"] for message in metrics}
    assert not any(b"hello" in message.payload for message in metrics)
    assert await verify(config, connection(broker)) == []


async def test_the_trace_of_a_fact_goes_with_it(broker: NatsBroker, config: Settings) -> None:
    [fact] = conversation("s-1")[:1]
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await jetstream(broker).publish(subject_of(fact), encode(fact), stream=VOICE, headers={"traceparent": trace})
    async with projecting(broker, config) as projector:
        await caught_up(broker, projector)
    [kept] = await read_topic(config, CONVERSATION)
    assert kept.properties["traceparent"] == trace
    assert await verify(config, connection(broker)) == []


async def test_it_goes_on_where_it_was_when_it_starts_again(broker: NatsBroker, config: Settings) -> None:
    for number in range(3):
        await say_all(broker, conversation(f"s-{number}"))
        async with projecting(broker, config) as projector:
            await caught_up(broker, projector)
    assert len(await read_topic(config, CONVERSATION)) == 3 * len(conversation("s"))
    assert await verify(config, connection(broker)) == []


async def test_a_second_copy_waits_until_the_first_is_gone(broker: NatsBroker, config: Settings) -> None:
    async with projecting(broker, config) as first:
        await until(lambda: first.status().state == "live", within_s=20)
        async with projecting(broker, config) as second:
            await until(lambda: second.status().state == "standby", within_s=20)
            await say_all(broker, conversation("s-1"))
            await caught_up(broker, first)
            assert second.status().state == "standby"
    async with projecting(broker, config) as third:
        await until(lambda: third.status().state == "live", within_s=20)
    assert await verify(config, connection(broker)) == []


async def test_words_arrive_as_they_were_said(broker: NatsBroker, config: Settings) -> None:
    hostile = [
        "'; drop table sessions; --\"",
        "nul \0 in the middle",
        "עברית \u202e left",
        "👩‍👩‍👧 \U0010ffff",
        "w" * 900_000,
    ]
    facts = [
        TurnEnded(event_id=f"e-{n}", session_id="s-1", time_ns=BEGAN_NS, participant_id="p1", text=text)
        for n, text in enumerate(hostile)
    ]
    for fact in facts:
        await append(broker, fact)
    async with projecting(broker, config) as projector:
        await caught_up(broker, projector)
    kept = await read_topic(config, CONVERSATION)
    read = [decode("voice.s-1.turn.ended", message.payload) for message in kept]
    assert [fact.text for fact in read if isinstance(fact, TurnEnded)] == hostile
    assert await verify(config, connection(broker)) == []


async def test_erasing_sends_a_tombstone_to_every_topic(broker: NatsBroker, config: Settings) -> None:
    await say_all(broker, conversation("s-1"))
    async with projecting(broker, config) as projector:
        await caught_up(broker, projector)
        for sequence in range(2, 6):
            await jetstream(broker).delete_msg(VOICE, sequence)
        await append(broker, SessionErased(event_id="gone", session_id="s-1", time_ns=BEGAN_NS))
        await caught_up(broker, projector)
    for topic in PRODUCERS:
        last = (await read_topic(config, topic))[-1]
        assert (last.properties["event"], last.key) == ("SessionErased", "s-1")
    assert await verify(config, connection(broker)) == []


async def test_what_is_no_fact_is_left_out_and_counted(broker: NatsBroker, config: Settings) -> None:
    js = jetstream(broker)
    await js.publish("voice.s-1.turn.ended", b"\xc1 no MessagePack", stream=VOICE)
    await js.publish("voice.s-1.what.ever", b"", stream=VOICE)
    await say_all(broker, conversation("s-1"))
    async with projecting(broker, config) as projector:
        await caught_up(broker, projector)
        status = projector.status()
    assert (status.errors, status.position) == (2, 15)
    assert "fact 2 left out" in status.last_error
    assert await verify(config, connection(broker)) == []


async def test_topics_of_another_log_stop_it_with_what_to_do(broker: NatsBroker, config: Settings) -> None:
    await say_all(broker, conversation("s-1", turns=3))
    async with projecting(broker, config) as projector:
        await caught_up(broker, projector)
    # The log is lost, and begins anew.
    await jetstream(broker).purge_stream(VOICE)
    await jetstream(broker).delete_stream(VOICE)
    from infra.log.provisioning import provision

    await provision(jetstream(broker))
    await say_all(broker, conversation("s-2"))
    async with projecting(broker, config) as projector:
        await until(lambda: projector.status().state == "stopped", within_s=20)
        assert "another log" in projector.status().reason
        assert "delete the topic" in projector.status().reason


async def test_verify_reports_what_is_wrong(broker: NatsBroker, config: Settings) -> None:
    await say_all(broker, conversation("s-1"))
    async with projecting(broker, config) as projector:
        await caught_up(broker, projector)
    # Somebody writes there as well; a fact is put into the log behind the projection's back; one goes from the log.
    client = connect(config)
    producer = await asyncio.to_thread(client.create_producer, CONVERSATION)
    await asyncio.to_thread(producer.send, b"forged", properties={"sequence": "3", "event": "TurnEnded"})
    await asyncio.to_thread(producer.send, b"forged", properties={})
    await asyncio.to_thread(client.shutdown)
    await say_all(broker, conversation("s-2")[:2])
    await jetstream(broker).delete_msg(VOICE, 5)
    differences = await verify(config, connection(broker))
    assert any("fact 3 comes after fact 13" in line for line in differences)
    assert any("fact ? (? of ?)" in line for line in differences)
    assert any("2 facts are missing: fact 14" in line for line in differences)
    assert any("fact 5" in line and "not in the log" in line for line in differences)
