"""Answering requests: by one copy of a queue group, side by side, and whoever asks is told what goes wrong."""

import asyncio

import pytest
from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from nats.errors import NoRespondersError

from contracts.codec import encode
from contracts.events import ReplyClauseWritten
from contracts.topology import CHAT, LOAD, SOUND_AGAIN, SYNTHESIS, TRANSCRIPT, load_subject, sound_again_subject
from infra.log.connection import connection
from infra.log.handlers import HandlersMismatch
from infra.log.requests import RequestHandlers
from tests.infra.log.copies import clause


async def asked(broker: NatsBroker, data: bytes) -> bytes:
    answer = await connection(broker).request(sound_again_subject("s-1"), data, timeout=5)
    return answer.data


async def raw(_: Msg) -> bytes:
    return b""


async def test_a_request_goes_to_one_copy_and_its_event_is_decoded(broker: NatsBroker) -> None:
    texts: list[str] = []
    copies = [RequestHandlers(broker, SYNTHESIS) for _ in range(3)]
    for requests in copies:

        @requests.on(SOUND_AGAIN, ReplyClauseWritten)
        async def sound_again(clause: ReplyClauseWritten) -> bytes:
            texts.append(clause.text)
            return b"done"

    async with copies[0], copies[1], copies[2]:
        answers = [await asked(broker, encode(clause(n))) for n in range(10)]
    assert answers == [b"done"] * 10
    assert texts == ["Hi."] * 10


async def test_a_request_without_a_queue_group_goes_to_every_copy(broker: NatsBroker) -> None:
    copies = [RequestHandlers(broker, TRANSCRIPT) for _ in range(2)]
    for requests in copies:

        @requests.on(LOAD)
        async def load(message: Msg) -> bytes:
            return message.data

    nc = connection(broker)
    inbox = nc.new_inbox()
    answers = await nc.subscribe(inbox)
    async with copies[0], copies[1]:
        await nc.publish(load_subject(TRANSCRIPT), b"?", reply=inbox)
        assert [(await answers.next_msg(timeout=5)).data for _ in copies] == [b"?", b"?"]


async def test_whoever_asks_is_told_what_went_wrong_and_the_next_one_is_answered(broker: NatsBroker) -> None:
    requests = RequestHandlers(broker, SYNTHESIS)

    @requests.on(SOUND_AGAIN, ReplyClauseWritten)
    async def sound_again(clause: ReplyClauseWritten) -> bytes:
        if clause.index == 0:
            raise ValueError("no such voice")
        if clause.index == 1:
            cancelled: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            cancelled.cancel()
            return await cancelled
        return b"done"

    async with requests:
        assert (await asked(broker, b"\xc1")).startswith(b"Undecodable: ")
        assert await asked(broker, encode(clause(0))) == b"ValueError: no such voice"
        assert (await asked(broker, encode(clause(1)))).startswith(b"CancelledElsewhere: ")
        assert await asked(broker, encode(clause(2))) == b"done"


async def test_requests_are_answered_side_by_side_up_to_a_bound(broker: NatsBroker) -> None:
    requests = RequestHandlers(broker, SYNTHESIS, most=2, busy=b"later")
    go_on, begun = asyncio.Event(), asyncio.Semaphore(0)

    @requests.on(SOUND_AGAIN, ReplyClauseWritten)
    async def sound_again(clause: ReplyClauseWritten) -> bytes:
        begun.release()
        await go_on.wait()
        return clause.event_id.encode()

    async with requests, asyncio.timeout(10):
        first = [asyncio.create_task(asked(broker, encode(clause(n)))) for n in range(2)]
        for _ in first:
            await begun.acquire()
        assert await asked(broker, encode(clause(2))) == b"later"
        go_on.set()
        assert sorted(await asyncio.gather(*first)) == [b"s-1:c0", b"s-1:c1"]


async def test_what_is_being_answered_goes_on_when_no_more_requests_are_taken(broker: NatsBroker) -> None:
    requests, go_on, begun = RequestHandlers(broker, SYNTHESIS), asyncio.Event(), asyncio.Event()

    @requests.on(SOUND_AGAIN)
    async def sound_again(message: Msg) -> bytes:
        begun.set()
        await go_on.wait()
        return b"done"

    async with requests, asyncio.timeout(10):
        first = asyncio.create_task(asked(broker, b""))
        await begun.wait()
        await requests.stop_taking()
        with pytest.raises(NoRespondersError):
            await asked(broker, b"")
        go_on.set()
        assert await first == b"done"


async def test_a_message_to_which_nobody_awaits_an_answer_is_ignored(broker: NatsBroker) -> None:
    requests, received = RequestHandlers(broker, SYNTHESIS), list[bytes]()

    @requests.on(SOUND_AGAIN)
    async def sound_again(message: Msg) -> bytes:
        received.append(message.data)
        return b""

    async with requests:
        await connection(broker).publish(sound_again_subject("s-1"), b"no answer, please")
        await asked(broker, b"answer, please")
    assert received == [b"answer, please"]


async def test_handlers_have_to_be_those_of_the_rows(broker: NatsBroker) -> None:
    requests = RequestHandlers(broker, SYNTHESIS)
    requests.on(CHAT)(raw)
    with pytest.raises(HandlersMismatch, match="synthesis declares a handler for Chat, but the row of Chat"):
        await requests.open()
    requests = RequestHandlers(broker, SYNTHESIS)
    with pytest.raises(HandlersMismatch, match=r"synthesis answers SoundAgain .* no handler is declared"):
        await requests.open()
    requests.on(SOUND_AGAIN)(raw)
    requests.on(SOUND_AGAIN)(raw)
    with pytest.raises(HandlersMismatch, match="two handlers for the request SoundAgain"):
        await requests.open()
