"""What a tool can do to the call that it runs in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgpack
from faststream.nats import NatsBroker
from nats.aio.msg import Msg

from actors.reasoning.remarks import take_requests
from contracts import events as e
from contracts.topology import transfer_subject
from infra.agents.call import Call
from infra.agents.tool import ToolLike, action, reader, tool_of
from infra.log.connection import connection
from infra.log.event_log import facts_after
from tests.actors.reasoning.facts import SESSION, ended, fact, opened
from tests.actors.reasoning.models import ScriptedModel, tool_call
from tests.actors.reasoning.test_actor import copy_of_actor, finish, tell

JOINED = fact(e.ParticipantJoined, "joined", participant_id="p", kind="person")


async def called(broker: NatsBroker, tool: ToolLike) -> e.ToolReturned:
    """Let the model call a tool, in a session with one person; return what came of it."""
    model = ScriptedModel.playing([tool_call("it")], ["Done."])
    async with copy_of_actor(broker, model, having=[tool_of(tool)]) as actor, take_requests(broker, 1_000):
        await finish(await tell(broker, actor, opened(llm="fake:m0"), JOINED, ended("Do it.")))
    (returned,) = await facts(broker, e.ToolReturned)
    assert isinstance(returned, e.ToolReturned)
    return returned


async def facts(broker: NatsBroker, event_class: type[e.Event]) -> list[e.Event]:
    return [each.event for each in await facts_after(broker, SESSION) if isinstance(each.event, event_class)]


async def test_an_action_has_the_agent_say_something(broker: NatsBroker) -> None:
    @action
    async def it(call: Call) -> None:
        """Do it."""
        await call.say("One moment.")
        await call.say("It is done.")

    assert (await called(broker, it)).outcome == "ok"
    remarks = await facts(broker, e.RemarkRequested)
    assert [(each.text, each.requested_by) for each in remarks if isinstance(each, e.RemarkRequested)] == [
        ("One moment.", "it"),
        ("It is done.", "it"),
    ]


async def test_an_action_ends_the_session_once_however_often_it_asks(broker: NatsBroker) -> None:
    @action
    async def it(call: Call) -> str:
        """Do it."""
        await call.end("solved")
        await call.end("solved")
        return "bye"

    await called(broker, it)
    (wanted,) = await facts(broker, e.EndRequested)
    assert isinstance(wanted, e.EndRequested)
    assert (wanted.reason, wanted.requested_by) == ("solved", "it")


async def test_a_reason_of_another_form_is_told_to_the_model(broker: NatsBroker) -> None:
    @action
    async def it(call: Call) -> None:
        """Do it."""
        await call.end("All Done!")

    returned = await called(broker, it)
    assert "lower-case letters" in (returned.error or "")
    assert await facts(broker, e.EndRequested) == []


async def test_a_reader_may_not(broker: NatsBroker) -> None:
    @reader
    async def it(call: Call) -> None:
        """Look it up."""
        await call.say("I will look it up.")

    assert "mark the tool with @action" in ((await called(broker, it)).error or "")
    assert await facts(broker, e.RemarkRequested) == []


@asynccontextmanager
async def door(broker: NatsBroker, answer: bytes) -> AsyncIterator[list[dict[str, str]]]:
    """Answer requests to transfer a call; collect them."""
    asked: list[dict[str, str]] = []

    async def take(message: Msg) -> None:
        asked.append(msgpack.unpackb(message.data))
        await message.respond(answer)

    subscription = await connection(broker).subscribe(transfer_subject(SESSION), cb=take)
    yield asked
    await subscription.unsubscribe()


def transferring() -> ToolLike:
    @action
    async def it(call: Call) -> str:
        """Do it."""
        await call.transfer("tel:+4940123456")
        return "transferred"

    return it


async def test_the_caller_is_transferred_by_the_door(broker: NatsBroker) -> None:
    async with door(broker, b"") as asked:
        assert (await called(broker, transferring())).result == "transferred"
    assert asked == [{"participant_id": "p", "to": "tel:+4940123456"}]


async def test_the_model_is_told_why_a_call_is_not_transferred(broker: NatsBroker) -> None:
    refusal = msgpack.packb({"error": {"code": "livekit-refused", "message": "no SIP trunk"}})
    async with door(broker, refusal):
        assert (await called(broker, transferring())).error == "no SIP trunk"


async def test_only_a_room_can_transfer_a_call(broker: NatsBroker) -> None:
    assert "only a call in a LiveKit room" in ((await called(broker, transferring())).error or "")
