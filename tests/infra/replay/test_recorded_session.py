"""A session as it is loaded for a replay: what there is, and what exactly is missing."""

import msgpack
import pytest
from faststream.nats import NatsBroker

from contracts import events as e
from contracts.codec import encode
from contracts.topology import VOICE, subject_of
from infra.erasure import erase_session
from infra.log.connection import connection, jetstream
from infra.log.event_log import append, deliver_again
from infra.replay.recorded_session import NotInLog, RecordedSession, recorded_session
from tests.infra.erasure.talk import session


@pytest.fixture(autouse=True)
def no_projections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAREDEVIL_POSTGRES_URL", "off")


async def loaded(broker: NatsBroker, session_id: str = "s-1") -> RecordedSession:
    return await recorded_session(connection(broker), session_id)


async def stored(broker: NatsBroker, facts: list[e.Event]) -> None:
    for fact in facts:
        await append(broker, fact)


def signed(said: list[e.Event], found: RecordedSession) -> list[e.Event]:
    """Return the facts with the name of the copy that appended them, which they get when they are stored."""
    by = found.facts[0].event.appended_by
    assert by
    return [fact.model_copy(update={"appended_by": by}) for fact in said]


async def test_a_whole_session_has_its_facts_in_the_logs_order_with_their_bytes_and_nothing_to_remark(
    broker: NatsBroker,
) -> None:
    said = session("s-1", "sam")
    await stored(broker, [fact for pair in zip(said, session("s-2", "ann"), strict=True) for fact in pair])
    found = await loaded(broker)
    said = signed(said, found)
    assert [fact.event for fact in found.facts] == said
    assert [fact.sequence for fact in found.facts] == list(range(1, 2 * len(said), 2))
    assert [fact.message.data for fact in found.facts] == [encode(fact) for fact in said]
    assert (found.opened, found.is_whole, found.remarks()) == (said[0], True, [])


async def test_a_fact_that_was_stored_again_is_one_fact(broker: NatsBroker) -> None:
    said = session("s-1", "sam")
    await stored(broker, said)
    await deliver_again(broker, said[3], "noon")
    found = await loaded(broker)
    assert [fact.event for fact in found.facts] == signed(said, found)
    assert len(found.messages) == len(said)


async def test_a_session_without_an_end_is_said_to_be_open(broker: NatsBroker) -> None:
    said = session("s-1", "sam", closed=False)
    await stored(broker, said)
    found = await loaded(broker)
    (remark,) = found.remarks()
    assert (found.is_open, found.is_whole) == (True, False)
    assert remark.startswith("it has no end in the log")
    assert f"after sequence {len(said)} " in remark


async def test_a_beginning_that_retention_has_removed_is_named_with_where_the_log_begins(broker: NatsBroker) -> None:
    await stored(broker, session("s-1", "sam"))
    await jetstream(broker).purge_stream(VOICE, seq=8)
    found = await loaded(broker)
    (lost,), (remark,) = found.lost, found.remarks()
    assert (lost.after, lost.before, found.opened) == (0, 8, None)
    assert "what was before sequence 8 is no longer in the log; the log now begins with sequence 8, stored " in remark


async def test_a_session_that_the_log_never_had_or_no_longer_has_is_not_in_it(broker: NatsBroker) -> None:
    with pytest.raises(NotInLog, match=r"no session s-1: `daredevil sessions` lists those it has$"):
        await loaded(broker)
    await stored(broker, [*session("s-1", "sam"), *session("s-2", "sam")])
    await jetstream(broker).purge_stream(VOICE, seq=len(session("s-1", "sam")) + 1)
    with pytest.raises(NotInLog, match=r"no session s-1: .*the log now begins with sequence"):
        await loaded(broker)
    with pytest.raises(ValueError, match="is not a session id"):
        await loaded(broker, "s.1")


async def test_a_fact_that_others_answer_and_that_is_gone_is_a_lost_stretch(broker: NatsBroker) -> None:
    said = session("s-1", "sam")
    answers = said[-1].model_copy(update={"cause_id": said[9].event_id})
    await stored(broker, [*said[:-1], answers])
    assert (await loaded(broker)).is_whole
    await jetstream(broker).delete_msg(VOICE, 10)
    found = await loaded(broker)
    assert [(lost.after, lost.before) for lost in found.lost] == [(1, len(said))]
    assert found.remarks() == [f"what SessionClosed at sequence {len(said)} answers is no longer in the log"]


async def test_a_fact_that_a_later_ones_writer_had_read_and_that_is_gone_is_a_lost_stretch(broker: NatsBroker) -> None:
    said = session("s-1", "sam")
    read = said[-1].model_copy(update={"basis": 12})
    await stored(broker, [*said[:-1], read])
    assert (await loaded(broker)).is_whole
    await jetstream(broker).delete_msg(VOICE, 12)
    found = await loaded(broker)
    assert [(lost.after, lost.before) for lost in found.lost] == [(11, 13)]
    (remark,) = found.remarks()
    assert remark == (
        f"the fact at sequence 12, which the writer of SessionClosed at sequence {len(said)} had read, "
        "is no longer in the log"
    )


async def test_an_erased_session_says_how_many_facts_are_gone_and_is_not_called_lost(broker: NatsBroker) -> None:
    said = session("s-1", "sam")
    await stored(broker, said)
    await erase_session(broker, "s-1", "asked for it")
    found = await loaded(broker)
    assert len(found.erased) + len(found.facts) == len(said) + 1
    assert (found.lost, found.is_open, found.is_whole) == ((), False, False)
    assert found.remarks() == [
        f"its words were erased on request: {len(found.erased)} facts are gone (sequences 1 to "
        f"{found.erased[-1].sequence}), {len(found.facts)} are left"
    ]


async def test_what_a_newer_build_wrote_and_what_is_broken_is_left_out_each_with_its_reason(broker: NatsBroker) -> None:
    said, js = session("s-1", "sam"), jetstream(broker)
    turn = next(fact for fact in said if isinstance(fact, e.TurnEnded))
    later = msgpack.packb({**turn.model_dump(exclude_none=True), "schema_version": 99, "mood": "glad"})
    ids = {"Nats-Msg-Id": turn.event_id}
    await stored(broker, [fact for fact in said if fact is not turn])
    await js.publish(subject_of(turn), later, stream=VOICE, headers=ids)
    await js.publish("voice.s-1.mood.sensed", b"\x80", stream=VOICE)
    await js.publish(subject_of(turn), b"\xc1", stream=VOICE)
    found = await loaded(broker)
    newer, broken = found.remarks()
    assert [fact.is_newer for fact in found.unread] == [True, True, False]
    assert len(found.messages) == len(said) + 2
    assert newer.startswith("2 facts left out, written by a newer build, which can read it: fact ")
    assert f"has schema version 99, this program knows {e.TurnEnded.SCHEMA_VERSION}; fact " in newer
    assert newer.endswith("on voice.s-1.mood.sensed, an event that this program does not know")
    assert broken.startswith("1 fact left out, broken: fact ")
    assert "TurnEnded: not MessagePack" in broken
    assert not found.lost
