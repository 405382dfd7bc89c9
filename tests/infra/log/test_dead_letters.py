"""What no handler could take: kept with the reason, listed, and put back."""

import pytest
from faststream.nats import NatsBroker

from contracts.codec import encode
from contracts.events import Event
from contracts.topology import DEAD
from infra.log.connection import connection, jetstream
from infra.log.dead_letters import NotTaken, dead_letters, put_back
from infra.log.event_log import ExpectedSequence, append
from tests.infra.log.copies import a_copy_of, clause
from tests.infra.log.test_inbox import Taker, all_answered


async def refuse(event: Event) -> None:
    raise ValueError(f"cannot take {event.event_id}")


async def test_no_letters_are_listed_where_there_are_none(broker: NatsBroker) -> None:
    assert await dead_letters(connection(broker)) == []
    await jetstream(broker).delete_stream(DEAD)
    assert await dead_letters(connection(broker)) == []


async def test_unknown_events_and_broken_bytes_are_buried_by_the_durable_that_takes_everything(
    broker: NatsBroker,
) -> None:
    junk = [
        ("voice.s-1.moon.risen", b"\x80"),
        ("voice.s-1.turn.ended", b"\xc1rubbish"),
        ("voice.S-1.turn.ended", b"\x80"),
        ("voice.s-2.reply.clause", encode(clause(0))),
    ]
    async with a_copy_of("persistence", Taker()):
        for subject, data in junk:
            await jetstream(broker).publish(subject, data)
        await all_answered(broker, "persistence")
    letters = await dead_letters(connection(broker))
    assert [(letter.subject, letter.data) for letter in letters] == junk
    assert {letter.durable for letter in letters} == {"persistence"}
    for letter, reason in zip(
        letters,
        ["no event is known", "not MessagePack", "no event is known", "session 's-1' came on"],
        strict=True,
    ):
        assert reason in letter.reason


async def test_words_of_any_script_in_subject_headers_and_reason_are_kept(broker: NatsBroker) -> None:
    nc = connection(broker)
    # As a client in another language writes it: one name is no token, one value no UTF-8.
    headers = "NATS/1.0\r\nNats-Msg-Id: größe-漢\r\nSender: Zoë\r\nOdd(name): x\r\n".encode() + b"Broken: \xff\r\n\r\n"
    subject = "voice.é.turn.ended"
    size = f"{len(headers)} {len(headers) + 1}"
    await nc._send_command(f"HPUB {subject} {size}\r\n".encode() + headers + b"\x80\r\n")
    await nc.flush()
    async with a_copy_of("persistence", Taker()):
        await all_answered(broker, "persistence")
        (letter,) = await dead_letters(connection(broker))
        assert (letter.subject, letter.headers["Sender"], letter.data) == (subject, "Zoë", b"\x80")
        assert letter.headers["Broken"] == "\ufffd"
        assert "no event is known for subject 'voice.é.turn.ended'" in letter.reason
        with pytest.raises(NotTaken, match=r"no event is known for subject 'voice\.é\.turn\.ended'"):
            await put_back(nc, letter)


async def test_a_subject_that_is_no_utf8_is_buried_and_stops_nobody(broker: NatsBroker) -> None:
    nc, taker = connection(broker), Taker()
    await nc._send_command(b"PUB voice.\xff.turn.ended 1\r\n\x80\r\n")
    await nc.flush()
    await append(broker, clause(0))
    async with a_copy_of("persistence", taker):
        await all_answered(broker, "persistence")
    assert taker.ids == ["s-1:c0"]
    (letter,) = await dead_letters(connection(broker))
    assert letter.subject == "voice.\ufffd.turn.ended"


async def test_a_letter_is_kept_whole_and_once_per_durable(broker: NatsBroker) -> None:
    event = clause(0).model_copy(update={"appended_by": "reasoning-3f9c"})
    await append(broker, event, ExpectedSequence("voice.s-1.reply.*", 0))
    for durable in ("synthesis", "persistence"):
        async with a_copy_of(durable, refuse):
            await all_answered(broker, durable)
    first, second = await dead_letters(connection(broker))
    assert (first.durable, second.durable) == ("synthesis", "persistence")
    assert first.data == second.data == encode(event)
    assert first.headers["Daredevil-Sequence"] == "1"
    assert first.reason == "ValueError: cannot take s-1:c0"


async def test_a_letter_that_is_put_back_is_taken_and_gone(broker: NatsBroker) -> None:
    taker = Taker()
    await append(broker, clause(0))
    async with a_copy_of("synthesis", refuse):
        await all_answered(broker, "synthesis")
    (letter,) = await dead_letters(connection(broker))
    async with a_copy_of("synthesis", taker):
        await put_back(connection(broker), letter)
    assert taker.ids == ["s-1:c0"]
    assert await dead_letters(connection(broker)) == []


async def test_a_letter_that_still_cannot_be_taken_stays_with_the_reason_said(broker: NatsBroker) -> None:
    await append(broker, clause(0))
    async with a_copy_of("synthesis", refuse):
        await all_answered(broker, "synthesis")
        (letter,) = await dead_letters(connection(broker))
        with pytest.raises(NotTaken, match="ValueError: cannot take s-1:c0"):
            await put_back(connection(broker), letter)
    assert await dead_letters(connection(broker)) == [letter]


async def test_broken_bytes_cannot_be_put_back(broker: NatsBroker) -> None:
    async with a_copy_of("persistence", Taker()):
        await jetstream(broker).publish("voice.s-1.turn.ended", b"\xc1")
        await all_answered(broker, "persistence")
        (letter,) = await dead_letters(connection(broker))
        with pytest.raises(NotTaken, match="not MessagePack"):
            await put_back(connection(broker), letter)
    assert await dead_letters(connection(broker)) == [letter]


async def test_without_a_running_actor_the_letter_stays_and_the_error_says_what_to_do(broker: NatsBroker) -> None:
    await append(broker, clause(0))
    async with a_copy_of("synthesis", refuse):
        await all_answered(broker, "synthesis")
    (letter,) = await dead_letters(connection(broker))
    with pytest.raises(NotTaken, match="no synthesis is running: start it"):
        await put_back(connection(broker), letter)
    assert await dead_letters(connection(broker)) == [letter]
