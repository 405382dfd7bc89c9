"""What people in a room are shown and may write: captions and state of the agent, text turns."""

from livekit import rtc

from bridge.text_input import clean_text
from contracts import events as e
from infra.livekit.naming import session_of_room
from tests.bridge.agent import Agent
from tests.bridge.livekit.conftest import Invite, StartBridge
from tests.bridge.livekit.session_log import facts_with, one
from tests.bridge.livekit.shared_bridge import *  # noqa: F403 (its fixtures)
from tests.bridge.livekit.voice import say_tones
from tests.waiting import until


async def test_everybodys_words_are_captions_and_the_agents_state_an_attribute(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    ada = await invite(identity="Ada")
    bob = await invite(identity="bob")
    session_id = session_of_room(await ada.room.sid)
    facts = await facts_with(agent, session_id, e.TrackPublished, count=2)
    their_id = next(f.participant_id for f in facts if isinstance(f, e.ParticipantJoined) and f.identity == "Ada")
    words = {"participant_id": their_id, "turn_id": "t-1", "text": "how are you"}
    await agent.append(e.TranscriptRevised, session_id, utterance_id="u-1", revision=0, **words)
    await agent.append(e.TurnEnded, session_id, **words)
    text = await say_tones(agent, session_id, "r-1", [1.0])
    await one(agent, session_id, e.PlaybackFinished)
    await until(lambda: any(c.final and c.segment_id == "r-1" for c in bob.captions), what="the agent's caption")
    (agents,) = bob.agents()
    said = {(c.identity, c.text, c.final) for c in bob.captions if c.segment_id == "t-1"}
    assert said == {("Ada", "how are you", False), ("Ada", "how are you", True)}
    assert {c.track_sid for c in bob.captions if c.segment_id == "t-1"} == {ada.publication and ada.publication.sid}
    assert {(c.identity, c.text) for c in bob.captions if c.segment_id == "r-1"} == {(agents.identity, text)}
    shown = ["listening", "thinking", "speaking", "listening"]
    await until(lambda: [s for s in bob.states if s != "initializing"][-4:] == shown)


async def test_who_joins_in_mid_reply_is_shown_all_its_words(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    ada = await invite(identity="ada")
    session_id = session_of_room(await ada.room.sid)
    await facts_with(agent, session_id, e.TrackPublished)
    text = await say_tones(agent, session_id, "r-1", [3.0, 2.0])
    await ada.hears()
    bob = await invite(identity="bob")
    await one(agent, session_id, e.PlaybackFinished)
    await until(lambda: len(bob.captions) >= 2)
    assert [(c.text, c.final) for c in bob.captions] == [(text, False), (text, True)]


async def test_texts_without_an_end_keep_nobody_from_writing(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    eve, ada = await invite(identity="eve", mic=False), await invite(identity="ada", mic=False)
    session_id = session_of_room(await ada.room.sid)
    await until(lambda: ada.states[-1:] == ["listening"])
    for _ in range(200):
        await eve.room.local_participant.stream_text(topic="lk.chat")
    await ada.room.local_participant.send_text("Hello", topic="lk.chat")
    turn = await one(agent, session_id, e.TurnEnded)
    assert isinstance(turn, e.TurnEnded)
    assert (turn.text, turn.participant_id) == ("Hello", "ada")


async def test_written_text_is_a_turn_within_limits(start_bridge: StartBridge, invite: Invite, agent: Agent) -> None:
    await start_bridge()
    ada = await invite(identity="ada", mic=False)
    session_id = session_of_room(await ada.room.sid)
    await facts_with(agent, session_id, e.ParticipantJoined, count=2)
    refusals: list[str] = []

    async def read(reader: rtc.TextStreamReader) -> None:
        refusals.append(await reader.read_all())

    ada.room.register_text_stream_handler("lk.chat", lambda reader, _: ada.own(read(reader)))
    await until(lambda: ada.states[-1:] == ["listening"])
    for text in ("x" * 5000, "  ", " What time\u0000 is it? "):
        await ada.room.local_participant.send_text(text, topic="lk.chat")
    turn = await one(agent, session_id, e.TurnEnded)
    assert isinstance(turn, e.TurnEnded)
    assert (turn.text, turn.source, turn.participant_id) == (clean_text("What time is it?"), "text", "ada")
    await until(lambda: len(refusals) == 2)
    assert sorted("100" in refusal for refusal in refusals) == [False, True]
