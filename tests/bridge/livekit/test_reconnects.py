"""Connections that break and are had again, in part or anew: the call goes on in the same session, nothing twice."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from contracts import events as e
from contracts.audio import InFrame
from infra.livekit.naming import agent_identity, session_of_room
from tests.bridge.agent import Agent
from tests.bridge.livekit.conftest import Invite, StartBridge
from tests.bridge.livekit.guest import Guest
from tests.bridge.livekit.session_log import facts_with, names
from tests.bridge.livekit.signalling import JOIN, RESUME, SignallingProxy, running_proxy
from tests.bridge.livekit.voice import say_tones, saying_again
from tests.livekit_server import LiveKitServer
from tests.speech import recorded
from tests.waiting import until

AGENTS, GUESTS = "the agent's", "a guest's"
IN_PART, ANEW = "signalling alone", "all of it"
CAME = {IN_PART: [JOIN, RESUME], ANEW: [JOIN, RESUME, JOIN]}


@pytest.fixture
async def proxy(livekit_server: LiveKitServer) -> AsyncIterator[SignallingProxy]:
    async with running_proxy(livekit_server) as proxy:
        yield proxy


async def is_heard(agent: Agent, session_id: str, ada: Guest) -> list[InFrame]:
    """Let a guest speak until the session has heard a second of it; return what it heard."""
    async with agent.hearing(session_id, "ada") as frames:
        speaking = asyncio.create_task(ada.say(recorded("hello")))
        await until(lambda: sum(len(frame.pcm) for frame in frames) > 32_000)
        await speaking
    return frames


def captions_of(guest: Guest) -> dict[str, str]:
    """Return the agent's captions by reply, as far as a guest has them finally."""
    return {caption.segment_id: caption.text for caption in guest.captions if caption.final}


@pytest.mark.parametrize(
    ("whose", "how"),
    [
        pytest.param(AGENTS, IN_PART, marks=pytest.mark.nightly),
        (AGENTS, ANEW),
        pytest.param(GUESTS, IN_PART, marks=pytest.mark.nightly),
        pytest.param(GUESTS, ANEW, marks=pytest.mark.nightly),
    ],
)
async def test_a_call_goes_on_when_a_connection_breaks_in_mid_reply(
    whose: str, how: str, start_bridge: StartBridge, invite: Invite, agent: Agent, proxy: SignallingProxy
) -> None:
    bridge = await start_bridge(**({"livekit_url": proxy.url} if whose == AGENTS else {}))
    ada = await invite(**({"url": proxy.url} if whose == GUESTS else {}))
    session_id = session_of_room(await ada.room.sid)
    await facts_with(agent, session_id, e.TrackPublished)
    proxy.refuses_resumes = how == ANEW
    async with saying_again(agent, session_id):
        text = await say_tones(agent, session_id, "r-1", [3, 3])
        await ada.hears()
        proxy.cut()
        await until(lambda: proxy.came == CAME[how])
        await facts_with(agent, session_id, e.PlaybackFinished)
    heard_s = len(ada.loud_at) * 0.02
    frames = await is_heard(agent, session_id, ada)
    later = await say_tones(agent, session_id, "r-2", [2])
    facts = await facts_with(agent, session_id, e.PlaybackFinished, count=2)
    await until(lambda: "r-2" in captions_of(ada))
    print(whose, how, names(facts), heard_s, len(ada.loud_at) * 0.02)
    finished = [fact for fact in facts if isinstance(fact, e.PlaybackFinished)]
    assert finished[0].heard_text == text
    assert captions_of(ada) == {"r-1": text, "r-2": later}
    breaks = names(facts[: facts.index(finished[0])]).count("PlaybackStalled")
    assert 5 < heard_s < 6.2 + 0.02 * breaks  # where sound breaks off in a frame, its rest makes another one loud
    assert len(ada.loud_at) * 0.02 - heard_s > 1.8
    assert len({(frame.track_id, frame.first_sample) for frame in frames}) == len(frames)
    assert names(facts).count("SessionOpened") == 1
    assert names(facts).count("PlaybackStarted") == 2
    assert "SessionClosed" not in names(facts)
    assert names(facts).count("TrackPublished") - names(facts).count("TrackUnpublished") == 1
    assert [p.identity for p in ada.agents()] == [agent_identity(session_id)]
    assert "its job is gone" not in bridge.log()
