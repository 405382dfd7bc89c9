"""Nobody who waits for the agent's sign loses words: there is one when the packets of their microphone come."""

import numpy as np
import pytest

from contracts import events as e
from infra.livekit.naming import session_of_room
from tests.bridge.agent import Agent
from tests.bridge.livekit.conftest import Invite, StartBridge
from tests.bridge.livekit.guest import Guest
from tests.bridge.livekit.session_log import facts_with
from tests.bridge.livekit.signalling import running_proxy
from tests.livekit_server import LiveKitServer
from tests.waiting import until

TONE_S = 0.3
TONE = (9000 * np.sin(np.arange(round(16_000 * TONE_S)) * 0.2)).astype(np.int16)


@pytest.mark.parametrize("sign", ["TrackPublished", "listening"])
async def test_who_waits_for_the_agents_sign_is_heard_from_the_first_word(
    sign: str, livekit_server: LiveKitServer, start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    async with running_proxy(livekit_server) as proxy:
        await start_bridge(livekit_url=proxy.url)
        # The agent's answers reach the server late, while its SDK reports tracks as subscribed.
        proxy.delay_s = 0.5
        ada = await invite()
        session_id = session_of_room(await ada.room.sid)
        async with agent.hearing(session_id, "ada") as frames:
            if sign == "TrackPublished":
                await facts_with(agent, session_id, e.TrackPublished)
            else:
                await until(lambda: ada.states[-1:] == ["listening"], what="the agent listens")
            await ada.say(TONE)

            def loud() -> int:
                return sum(np.abs(np.frombuffer(f.pcm, "<i2").astype(int)).max() > 1000 for f in frames)

            await until(lambda: loud() >= 0.8 * TONE_S / 0.02, what="all of it is heard")


async def test_the_agent_listens_where_nobody_has_a_microphone(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    ada: Guest = await invite(mic=False)
    await until(lambda: ada.states[-1:] == ["listening"])
    before = len(ada.states)
    await ada.open_microphone()
    await until(
        lambda: ada.states[before:] == ["initializing", "listening"], what="it listens again, to the microphone"
    )
    await facts_with(agent, session_of_room(await ada.room.sid), e.TrackPublished)


async def test_the_agent_goes_on_listening_when_another_microphone_opens(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    ada: Guest = await invite()
    await until(lambda: ada.states[-1:] == ["listening"])
    before, session_id = len(ada.states), session_of_room(await ada.room.sid)
    await ada.close_microphone()
    await facts_with(agent, session_id, e.TrackUnpublished)
    await ada.open_microphone()
    await facts_with(agent, session_id, e.TrackPublished, count=2)
    await invite(identity="bob")
    await facts_with(agent, session_id, e.TrackPublished, count=3)
    assert ada.states[before:] == []
