"""A session at the door, from its greeting to its end, on a real log."""

import asyncio

import msgpack
import pytest
from faststream.nats import NatsBroker

from contracts import events as e
from contracts.requests import end_request
from contracts.topology import end_subject, session_subjects
from infra.agents.card import cards_of, put_cards
from infra.agents.loading import Agents
from infra.log.connection import connection
from infra.log.event_log import history
from infra.settings import Settings
from tests.bridge.agent import Agent
from tests.bridge.caller import Caller, wait_for
from tests.bridge.conftest import Connect, OpenDoor
from tests.infra.agents.booking_agents import agent as booking

FIRST = ["SessionOpened", "ParticipantJoined", "ParticipantJoined", "TrackPublished"]


def names(facts: list[e.Event]) -> list[str]:
    return [type(fact).__name__ for fact in facts]


async def test_opening_is_reported_in_order_before_the_welcome(connect: Connect, agent: Agent) -> None:
    caller = await connect(user_id="u-1", name="Ada")
    facts = await agent.facts(caller.session_id)
    assert names(facts) == FIRST
    assert isinstance(facts[0], e.SessionOpened)
    assert facts[0].user_id == "u-1"
    assert facts[0].profile.prompt == Settings().prompt
    await caller.fact("TrackPublished")
    assert caller.fact_names() == FIRST
    assert caller.messages[0]["type"] == "welcome"


async def test_without_a_microphone_there_is_no_track(connect: Connect, agent: Agent) -> None:
    caller = await connect(mic=False)
    assert names(await agent.facts(caller.session_id)) == FIRST[:3]


async def test_hangup_closes_the_microphone_and_the_session_at_once(connect: Connect, agent: Agent) -> None:
    caller = await connect()
    await caller.connection.send(bytes(640 * 3))
    await caller.send(type="hangup")
    assert await caller.closed() == 1000
    facts = await agent.facts(caller.session_id)
    assert names(facts)[-3:] == ["TrackUnpublished", "ParticipantLeft", "SessionClosed"]
    assert isinstance(facts[-3], e.TrackUnpublished)
    assert facts[-3].samples == 960
    assert isinstance(facts[-1], e.SessionClosed)
    assert facts[-1].reason == "hangup"
    await caller.fact("SessionClosed")


async def test_a_program_ends_a_session_with_its_reason(connect: Connect, agent: Agent, broker: NatsBroker) -> None:
    caller, nc = await connect(), connection(broker)
    refused = await nc.request(end_subject(caller.session_id), msgpack.packb({"reason": "Not One Word"}), timeout=10)
    assert msgpack.unpackb(refused.data)["error"]["code"] == "bad-request"
    assert "SessionClosed" not in names(await agent.facts(caller.session_id))
    assert (await nc.request(end_subject(caller.session_id), end_request("moderation"), timeout=10)).data == b""
    closed = (await agent.facts(caller.session_id))[-1]
    assert isinstance(closed, e.SessionClosed)
    assert closed.reason == "moderation"


async def test_a_tool_ends_a_session_after_its_answer_was_heard(connect: Connect, agent: Agent) -> None:
    caller = await connect()
    await agent.reply(caller.session_id, "reply-1")
    await agent.append(e.EndRequested, caller.session_id, reason="solved", requested_by="hang_up")
    await caller.fact("EndRequested")
    await caller.send(type="played", reply_id="reply-1", samples=100, started=True)
    await caller.fact("PlaybackStarted")
    assert "SessionClosed" not in names(await agent.facts(caller.session_id))
    await caller.send(type="played", reply_id="reply-1", samples=24_000, ended=True)
    assert await caller.closed() == 1000
    told = names(await agent.facts(caller.session_id))
    assert told.index("PlaybackFinished") < told.index("SessionClosed")
    closed = (await agent.facts(caller.session_id))[-1]
    assert isinstance(closed, e.SessionClosed)
    assert closed.reason == "solved"


async def test_a_client_that_vanished_ends_the_session_after_the_grace(
    open_door: OpenDoor, connect: Connect, agent: Agent
) -> None:
    caller = await connect(await open_door(reconnect_grace_s=0.2))
    await caller.connection.close()

    async def closed() -> bool:
        return "SessionClosed" in names(await agent.facts(caller.session_id))

    async with asyncio.timeout(10):
        while not await closed():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    last = (await agent.facts(caller.session_id))[-1]
    assert isinstance(last, e.SessionClosed)
    assert last.reason == "vanished"


async def test_microphone_sound_goes_out_in_frames_with_positions(connect: Connect, agent: Agent) -> None:
    caller = await connect(sample_rate_hz=48_000)
    async with agent.hearing(caller.session_id) as frames:
        await caller.connection.send(bytes(48_000 * 2 // 2))
        await caller.connection.send(bytes(48_000 * 2 // 2))
        await wait_for(lambda: len(frames) >= 47)
        assert [frame.first_sample for frame in frames] == [320 * n for n in range(len(frames))]
        assert {len(frame.pcm) for frame in frames} == {640}


async def test_an_idle_session_is_closed(open_door: OpenDoor, connect: Connect, agent: Agent) -> None:
    caller = await connect(await open_door(session_idle_s=0.3))
    assert await caller.closed() == 1000
    last = (await agent.facts(caller.session_id))[-1]
    assert isinstance(last, e.SessionClosed)
    assert last.reason == "timeout"


async def test_coming_back_goes_on_with_a_new_track(connect: Connect, agent: Agent) -> None:
    first = await connect()
    await first.connection.close()
    second = await connect(**first.resuming)
    assert (await second.message("welcome"))["resumed"] is True
    facts = await agent.facts(first.session_id)
    assert names(facts) == [*FIRST, "TrackUnpublished", "TrackPublished"]
    tracks = [fact.track_id for fact in facts if isinstance(fact, e.TrackPublished)]
    assert len(set(tracks)) == 2
    assert len(await second_facts(second, 6)) == 6


async def second_facts(caller: Caller, count: int) -> list[str]:
    names: list[str] = await caller.until(lambda: len(caller.fact_names()) >= count and caller.fact_names())
    return names


async def test_a_second_client_takes_the_session_over(connect: Connect) -> None:
    first = await connect()
    second = await connect(**first.resuming)
    assert await first.closed() == 4409
    await second.send(type="text", text="here I am")
    assert (await second.fact("TurnEnded"))["text"] == "here I am"


async def test_another_door_takes_the_session_over_from_the_log(
    open_door: OpenDoor, connect: Connect, agent: Agent
) -> None:
    first = await connect()
    second = await connect(await open_door(), **first.resuming)
    assert (await second.message("welcome"))["resumed"] is True
    assert await first.closed() == 4409
    await agent.reply(first.session_id, "r-1")
    await second.message("reply_end", reply_id="r-1")
    await second.send(type="hangup")
    assert await second.closed() == 1000
    assert names(await agent.facts(first.session_id)).count("SessionClosed") == 1


async def test_a_shutdown_leaves_the_session_open_for_the_next_door(
    open_door: OpenDoor, connect: Connect, agent: Agent
) -> None:
    door = await open_door()
    first = await connect(door)
    await door.close()
    assert (await first.message("error"))["code"] == "shutdown"
    assert await first.closed() == 1012
    assert "SessionClosed" not in names(await agent.facts(first.session_id))
    second = await connect(**first.resuming)
    assert (await second.message("welcome"))["resumed"] is True


async def test_a_session_goes_on_only_with_its_token(open_door: OpenDoor, connect: Connect, agent: Agent) -> None:
    first = await connect()
    token = first.resume_token
    assert token
    facts = await agent.facts(first.session_id)
    assert token not in repr(facts)
    for door in (await open_door(), None):
        for wrong in ("", "x" * 32, facts[0].resume_digest if isinstance(facts[0], e.SessionOpened) else ""):
            hello = {"session_id": first.session_id, "resume_token": wrong, "expect": "refusal"}
            stranger = await (connect(door, **hello) if door is not None else connect(**hello))
            assert (await stranger.message("error"))["code"] == "resume-refused"
            assert await stranger.closed() == 4403
    await first.send(type="text", text="still mine")
    assert (await first.fact("TurnEnded"))["text"] == "still mine", "its door and its client have noticed nothing"
    assert len(await agent.facts(first.session_id)) == len(facts) + 1
    second = await connect(await open_door(), **first.resuming)
    assert (await second.message("welcome")).get("resume_token") is None, "it is given once"


async def test_a_text_with_an_id_is_stored_once_and_that_is_reported(
    open_door: OpenDoor, connect: Connect, agent: Agent
) -> None:
    first = await connect(mic=False)
    for _ in range(2):
        await first.send(type="text", text="hello?", id="m-1")
    await first.message("taken", id="m-1")
    second = await connect(await open_door(), **first.resuming, mic=False)
    await second.send(type="text", text="hello?", id="m-1")
    await second.message("taken", id="m-1")
    await second.send(type="text", text="hello?", id="m-2")
    await second.message("taken", id="m-2")
    turns = [fact for fact in await agent.facts(first.session_id) if isinstance(fact, e.TurnEnded)]
    assert [turn.text for turn in turns] == ["hello?", "hello?"]
    assert len({turn.turn_id for turn in turns}) == 2


async def test_a_client_that_wants_the_summary_stays_until_it_is_written(connect: Connect, agent: Agent) -> None:
    caller = await connect(mic=False, summary=True)
    await caller.send(type="text", text="hello")
    await caller.fact("TurnEnded")
    await caller.send(type="hangup")
    await caller.fact("SessionClosed")
    assert caller.close_code is None
    await agent.append(e.SummaryWritten, caller.session_id, summary="A greeting.")
    assert (await caller.fact("SummaryWritten"))["summary"] == "A greeting."
    assert await caller.closed() == 1000


async def test_of_a_call_without_a_word_no_summary_is_awaited(connect: Connect) -> None:
    caller = await connect(mic=False, summary=True)
    await caller.send(type="hangup")
    assert await caller.closed() == 1000


async def test_a_call_in_which_a_newer_version_takes_part_is_left_open_for_a_newer_door(
    open_door: OpenDoor, connect: Connect, agent: Agent
) -> None:
    caller = await connect()
    newer = {"schema_version": e.TurnPassed.SCHEMA_VERSION + 1, "participant_id": "caller", "reason": "unnamed"}
    await agent.append(e.TurnPassed, caller.session_id, **newer)
    assert (await caller.message("error"))["code"] == "not-available"
    assert await caller.closed() == 4450
    again = await connect(await open_door(), **caller.resuming, expect="refusal")
    assert (await again.message("error"))["code"] == "not-available"
    only = session_subjects(caller.session_id, "session")
    last = [fact.event async for fact in history(connection(agent.broker), caller.session_id, subjects=only)][-1]
    assert isinstance(last, e.SessionOpened), "the session has not ended"


@pytest.mark.slow
async def test_a_session_behaves_alike_at_doors_with_settings_of_their_own(
    open_door: OpenDoor, connect: Connect, agent: Agent
) -> None:
    first = await connect(await open_door(agent_sample_rate_hz=16_000, session_idle_s=2), mic=False)
    other = await open_door(agent_sample_rate_hz=48_000, session_idle_s=600)
    second = await connect(other, **first.resuming, mic=False)
    assert (await second.message("welcome"))["sample_rate_hz"] == 16_000
    assert await second.closed() == 1000
    last = (await agent.facts(first.session_id))[-1]
    assert isinstance(last, e.SessionClosed)
    assert last.reason == "timeout"


async def test_a_client_chooses_its_agent_or_is_told_which_there_are(
    connect: Connect, agent: Agent, broker: NatsBroker
) -> None:
    await put_cards(broker, cards_of(Agents({"booking": booking})))
    caller = await connect(agent="booking", variables={"restaurant": "Da Mario"})
    opened = (await agent.facts(caller.session_id))[0]
    assert isinstance(opened, e.SessionOpened)
    assert (opened.profile.agent, opened.profile.greeting) == ("booking", "Good evening, Da Mario.")
