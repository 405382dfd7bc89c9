"""A recorded tape serves what was written, when it is told to, and reports requests that differ."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from infra.tape.deliveries import ANSWER, ASKED, END, FAILED, PART, Delivery, digest_of
from infra.tape.recorded import RecordedError, RecordedTape, RecordedTapes, RequestDifference, WrongSession
from infra.tape.tape import AS_IT_IS, Packing


def asked(number: int, kind: str, key: str, request: Any) -> Delivery:
    return Delivery(0, ASKED, [number, kind, key, digest_of(request)])


def recorded(*deliveries: Delivery) -> tuple[RecordedTape, list[RequestDifference]]:
    found: list[RequestDifference] = []
    return RecordedTape(deliveries, 0, found.append), found


async def never() -> Any:
    raise AssertionError("an engine was asked in a replay")


async def no_parts() -> AsyncIterator[Any]:
    raise AssertionError("an engine was asked in a replay")
    yield


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_an_answer_comes_when_it_is_delivered_and_not_before() -> None:
    answer = Delivery(5, ANSWER, [0, "at six"])
    tape, found = recorded(asked(0, "recall", "r1", "when?"), answer)
    task = asyncio.create_task(tape.result("recall", "r1", "when?", never))
    await settled()
    assert not task.done()
    tape.serve(answer)
    assert await task == "at six"
    assert found == []


async def test_two_requests_of_one_key_get_their_answers_in_whatever_order_these_came() -> None:
    tape, found = recorded(asked(0, "stt", "u1", "a"), asked(1, "stt", "u1", "b"))
    first = asyncio.create_task(tape.result("stt", "u1", "a", never))
    second = asyncio.create_task(tape.result("stt", "u1", "b", never))
    await settled()
    tape.serve(Delivery(0, ANSWER, [1, "of b"]))
    tape.serve(Delivery(0, ANSWER, [0, "of a"]))
    assert [await first, await second] == ["of a", "of b"]
    assert found == []


async def test_pieces_come_one_at_a_time_until_their_end() -> None:
    tape, found = recorded(asked(0, "llm", "r1", "hi"))
    got: list[str] = []

    async def read() -> None:
        async for piece in tape.parts("llm", "r1", "hi", no_parts):
            got.append(piece)
        got.append("over")

    task = asyncio.create_task(read())
    for delivery in (Delivery(0, PART, [0, "Hel"]), Delivery(0, PART, [0, "lo"]), Delivery(0, END, [0])):
        await settled()
        tape.serve(delivery)
    await task
    assert got == ["Hel", "lo", "over"]
    assert found == []


async def test_a_request_with_another_content_is_reported_and_answered_with_the_record() -> None:
    then = {"model": "local", "options": {"top_k": 1}}
    now = {"model": "local", "options": {"top_k": 2}}
    tape, found = recorded(asked(0, "llm", "r1", then))
    task = asyncio.create_task(tape.result("llm", "r1", now, never))
    await settled()
    tape.serve(Delivery(0, ANSWER, [0, "yes"]))
    assert await task == "yes"
    assert found == [RequestDifference("asked otherwise", "llm", "r1", ("options",), now)]


async def test_a_request_that_was_not_made_then_is_reported_and_never_answered() -> None:
    tape, found = recorded(asked(0, "llm", "r1", "hi"))
    task = asyncio.create_task(tape.result("llm", "r2", "hi", never))
    await settled()
    assert found == [RequestDifference("not asked then", "llm", "r2", (), "hi")]
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_answer_that_nobody_waits_for_is_reported_once() -> None:
    tape, found = recorded(asked(0, "llm", "r1", "hi"))
    for piece in "abc":
        tape.serve(Delivery(0, PART, [0, piece]))
    tape.check_end()
    assert found == [RequestDifference("not asked now", "llm", "r1")]


async def test_a_request_that_is_made_later_than_then_is_reported_and_answered_at_once() -> None:
    tape, found = recorded(asked(0, "llm", "r1", "hi"))
    tape.serve(Delivery(0, ANSWER, [0, "yes"]))
    assert found == [RequestDifference("not asked now", "llm", "r1")]
    assert await tape.result("llm", "r1", "hi", never) == "yes"
    assert len(found) == 1


async def test_a_request_that_was_never_answered_and_is_not_made_is_reported_at_the_end() -> None:
    tape, found = recorded(asked(0, "llm", "r1", "hi"))
    assert found == []
    tape.check_end()
    assert found == [RequestDifference("not asked now", "llm", "r1")]


async def test_a_request_that_was_given_up_gets_nothing_and_is_no_difference() -> None:
    question = asked(0, "llm", "r1", "hi")
    tape, found = recorded(question)
    task = asyncio.create_task(tape.result("llm", "r1", "hi", never))
    await settled()
    tape.serve(question)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    tape.check_end()
    assert found == []


class TooLong(Exception):
    def __init__(self, tokens: int, most: int) -> None:
        super().__init__(f"{tokens} tokens are more than {most}")


async def test_an_error_that_the_code_tells_apart_has_its_class_and_its_text() -> None:
    tape, _ = recorded(asked(0, "llm", "r1", "hi"))
    packing: Packing[Any] = Packing(AS_IT_IS.pack, AS_IT_IS.unpack, (TooLong,))
    task = asyncio.create_task(tape.result("llm", "r1", "hi", never, packing))
    await settled()
    tape.serve(Delivery(0, FAILED, [0, "TooLong", "9 tokens are more than 8"]))
    with pytest.raises(TooLong, match="9 tokens are more than 8"):
        await task


async def test_any_other_error_names_its_class() -> None:
    tape, _ = recorded(asked(0, "llm", "r1", "hi"))
    task = asyncio.create_task(tape.result("llm", "r1", "hi", never))
    await settled()
    tape.serve(Delivery(0, FAILED, [0, "APIStatusError", "overloaded"]))
    with pytest.raises(RecordedError, match="APIStatusError: overloaded"):
        await task


def test_basis_is_the_last_fact_that_was_taken_in() -> None:
    tape = RecordedTape([], 7, lambda _: None)
    assert tape.basis == 7
    tape.took_fact("handled", 12)
    tape.took_fact("read", 9)
    assert tape.basis == 12


def test_another_session_has_no_tape_in_a_replay() -> None:
    tape, _ = recorded()
    tapes = RecordedTapes("reasoning-1", "s1", tape)
    served: object = tapes.of("s1")
    assert served is tape
    with pytest.raises(WrongSession, match="s2"):
        tapes.of("s2")


async def test_a_request_that_is_cancelled_before_the_record_has_it_was_not_made() -> None:
    withdrawn: list[RequestDifference] = []
    question = asked(0, "llm", "r1", "hi")
    found: list[RequestDifference] = []
    tape = RecordedTape([question], 0, found.append, withdrawn.append)
    for request in ("hi", "hello"):
        early = asyncio.create_task(tape.result("llm", "r1", request, never))
        await settled()
        early.cancel()
        await asyncio.gather(early, return_exceptions=True)
    assert [each.change for each in found] == ["asked otherwise"]
    assert withdrawn == found
    again = asyncio.create_task(tape.result("llm", "r1", "hi", never))
    tape.serve(question)
    await settled()
    tape.serve(Delivery(0, ANSWER, [0, "ho"]))
    assert await again == "ho"
