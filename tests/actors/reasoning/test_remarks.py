"""What the agent is asked to say by itself: by tools, the operator, other programs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from faststream.nats import NatsBroker

from actors.reasoning.decide import Resume, Start, decide, reply_id_of
from actors.reasoning.remarks import take_requests
from contracts import events as e
from contracts.ids import derive_id
from contracts.requests import SayRequest
from infra.log.connection import connection
from infra.log.event_log import append, facts_after
from infra.session.remarks import RemarkRefused, ask_to_say
from tests.actors.reasoning.facts import SESSION, about, fact, folded, opened, started
from tests.actors.reasoning.models import ScriptedModel
from tests.actors.reasoning.test_actor import copy_of_actor, finish, tell

SOON = SayRequest("A colleague will join us.", "cli", "r-1")


def remark(text: str = SOON.text) -> e.RemarkRequested:
    asked: e.RemarkRequested = fact(e.RemarkRequested, "remark", text=text)
    return asked


def test_a_remark_is_said_as_it_stands_in_a_turn_of_its_own() -> None:
    event = remark()
    start = Start(reply_id_of(event), derive_id(event.event_id, "turn"), text="", fixed=SOON.text)
    assert decide(folded(opened(), event), event) == (start,)


def test_a_remark_that_was_begun_goes_on_and_one_that_was_said_is_not_said_again() -> None:
    event = remark()
    begun = started("", reply_id_of(event), turn="t9")
    assert decide(folded(opened(), event, begun), event) == (Resume(reply_id_of(event), SOON.text),)
    said = about(e.ReplyCompleted, reply_id_of(event), text=SOON.text, clauses=1, finish="completed")
    assert decide(folded(opened(), event, begun, said), event) == ()


def test_nothing_is_said_in_a_session_that_is_over() -> None:
    event = remark()
    assert decide(folded(opened(), fact(e.SessionClosed, "close", reason="hangup"), event), event) == ()


async def test_it_is_said_without_a_model(broker: NatsBroker) -> None:
    model = ScriptedModel.playing(["No."])
    async with copy_of_actor(broker, model) as actor:
        await finish(await tell(broker, actor, opened(), remark("Hold on. I am back soon.")))
    facts = [each.event for each in await facts_after(broker, SESSION)]
    clauses = [each.text.strip() for each in facts if isinstance(each, e.ReplyClauseWritten)]
    assert " ".join(clauses) == "Hold on. I am back soon."
    assert model.asked == []


@asynccontextmanager
async def answering(broker: NatsBroker) -> AsyncIterator[None]:
    async with take_requests(broker, max_text_bytes=100):
        yield


async def remarks(broker: NatsBroker) -> list[e.RemarkRequested]:
    facts = [each.event for each in await facts_after(broker, SESSION)]
    return [each for each in facts if isinstance(each, e.RemarkRequested)]


async def test_a_request_is_stored_once_however_often_it_is_sent(broker: NatsBroker) -> None:
    await append(broker, opened())
    async with answering(broker):
        ids = await asyncio.gather(*(ask_to_say(connection(broker), SESSION, SOON) for _ in range(3)))
    (stored,) = await remarks(broker)
    assert set(ids) == {stored.event_id}
    assert (stored.text, stored.requested_by) == (SOON.text, "cli")


@pytest.mark.parametrize(
    ("facts", "text", "code"),
    [
        ([], "Hello.", "session-unknown"),
        ([opened(), fact(e.SessionClosed, "close", reason="hangup")], "Hello.", "session-closed"),
        ([opened()], "...", "bad-request"),
        ([opened()], "Hello. " * 100, "text-too-long"),
    ],
    ids=["unknown", "over", "without words", "too long"],
)
async def test_what_cannot_be_said_is_refused(broker: NatsBroker, facts: list[e.Event], text: str, code: str) -> None:
    for event in facts:
        await append(broker, event)
    async with answering(broker):
        with pytest.raises(RemarkRefused) as refused:
            await ask_to_say(connection(broker), SESSION, SayRequest(text, "", "r"))
    assert refused.value.code == code
    assert await remarks(broker) == []


async def test_without_a_reasoning_actor_the_request_says_so(broker: NatsBroker) -> None:
    with pytest.raises(RemarkRefused, match="no reasoning actor is running"):
        await ask_to_say(connection(broker), SESSION, SOON)
