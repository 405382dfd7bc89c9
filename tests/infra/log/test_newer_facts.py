"""Facts of a newer program: whoever would decide without them says so and stops."""

import asyncio
import logging

import msgpack
import pytest
from faststream.nats import NatsBroker

from contracts.codec import encode
from contracts.events import Event, TrackPublished
from contracts.topology import VOICE, session_subjects, subject_of
from infra.log.connection import connection, jetstream
from infra.log.dead_letters import dead_letters, put_back
from infra.log.event_log import NewerFact, append, facts_after, history
from infra.log.session_feed import SessionFeed
from tests.infra.log.copies import a_copy_of, clause, track_published, turn_ended
from tests.waiting import until


async def append_newer(broker: NatsBroker, event: Event) -> int:
    """Store an event as a program would whose class is one version on."""
    fields = {**msgpack.unpackb(encode(event)), "schema_version": event.SCHEMA_VERSION + 1, "mood": "sunny"}
    ack = await jetstream(broker).publish(subject_of(event), msgpack.packb(fields), stream=VOICE)
    return ack.seq


async def test_one_that_comes_to_an_actor_is_dead_lettered_once_and_the_next_is_handled(broker: NatsBroker) -> None:
    handled: list[str] = []

    async def note(event: Event) -> None:
        handled.append(event.event_id)

    async with a_copy_of("synthesis", note):
        await append_newer(broker, clause(0))
        await append(broker, clause(1))
        await until(lambda: handled)
        await _until_dead(broker, 1)
        [letter] = await dead_letters(connection(broker))
    assert handled == ["s-1:c1"]
    assert letter.reason == "ReplyClauseWritten: schema version 3, this program knows 2: install the newer program"


async def test_it_is_handled_when_it_is_put_back_to_the_newer_program(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    handled: list[str] = []

    async def note(event: Event) -> None:
        handled.append(event.event_id)

    async with a_copy_of("synthesis", note):
        sequence = await append_newer(broker, clause(0))
        await append(broker, clause(1))
        await until(lambda: handled == ["s-1:c1"])
        await _until_dead(broker, 1)
        [letter] = await dead_letters(connection(broker))
        monkeypatch.setattr(type(clause(0)), "SCHEMA_VERSION", 3)
        await put_back(connection(broker), letter)
        assert await dead_letters(connection(broker)) == []
    assert handled == ["s-1:c1", "s-1:c0"]
    assert sequence == 1


async def test_a_session_that_has_one_is_not_read_without_it(broker: NatsBroker) -> None:
    await append(broker, turn_ended(0))
    sequence = await append_newer(broker, turn_ended(1))
    await append(broker, clause(0))
    problem = rf"fact {sequence} on voice\.s-1\.turn\.ended: TurnEnded: schema version 3, this program knows 2"
    with pytest.raises(NewerFact, match=problem):
        await facts_after(broker, "s-1")
    with pytest.raises(NewerFact, match=problem):
        [fact async for fact in history(connection(broker), "s-1")]
    # Who reads on behind it, or only other facts, misses nothing of it.
    assert [fact.event.event_id for fact in await facts_after(broker, "s-1", sequence)] == ["s-1:c0"]
    only_replies = await facts_after(broker, "s-1", subjects=session_subjects("s-1", "reply"))
    assert [fact.event.event_id for fact in only_replies] == ["s-1:c0"]


async def test_a_feed_ends_at_one_that_was_stored_before_or_comes_live(broker: NatsBroker) -> None:
    came: list[str] = []

    async def follow(session_id: str) -> None:
        async with SessionFeed(broker, session_id, check_every_s=0.2) as feed:
            async for fact in feed:
                came.append(fact.event.event_id)

    await append(broker, turn_ended(0))
    following = asyncio.create_task(follow("s-1"))
    await until(lambda: came == ["s-1:t0"])
    await append_newer(broker, turn_ended(1))
    with pytest.raises(NewerFact, match="TurnEnded"):
        await asyncio.wait_for(following, 10)
    with pytest.raises(NewerFact, match="TurnEnded"):
        await asyncio.wait_for(follow("s-1"), 10)


async def test_an_event_whose_handler_meets_one_is_dead_lettered_without_further_attempts(broker: NatsBroker) -> None:
    attempts: list[str] = []

    async def read_back(event: Event) -> None:
        attempts.append(event.event_id)
        await facts_after(broker, event.session_id)

    await append_newer(broker, turn_ended(0))
    async with a_copy_of("synthesis", read_back):
        await append(broker, clause(0))
        await until(lambda: attempts)
        await _until_dead(broker, 1)
        [letter] = await dead_letters(connection(broker))
    assert attempts == ["s-1:c0"]
    assert "fact 1 on voice.s-1.turn.ended: TurnEnded: schema version 3" in letter.reason


@pytest.mark.slow
async def test_a_job_that_meets_one_is_left_to_a_copy_of_the_newer_version(
    broker: NatsBroker, caplog: pytest.LogCaptureFixture
) -> None:
    newer: list[str] = []

    async def old(event: Event) -> None:
        await facts_after(broker, event.session_id)

    async def new(event: Event) -> None:
        newer.append(event.event_id)

    track = track_published()
    await append_newer(broker, turn_ended(0))
    with caplog.at_level(logging.ERROR):
        async with a_copy_of("transcript", old):
            await append(broker, track)
            await until(lambda: "is left to a newer copy" in caplog.text)
    async with a_copy_of("transcript", new):
        await until(lambda: newer)
    assert newer == [track.event_id]
    assert isinstance(track, TrackPublished)
    assert await dead_letters(connection(broker)) == []


async def _until_dead(broker: NatsBroker, count: int) -> None:
    for _ in range(500):
        if len(await dead_letters(connection(broker))) == count:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("nothing was dead-lettered")
