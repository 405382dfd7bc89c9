"""Two people in a room whose agent answers when it is named: what they say to each other does not stop it."""

from pathlib import Path

import pytest

from contracts import events as e
from infra.livekit.naming import participant_of_identity, session_of_room
from infra.system.supervisor import Supervisor
from tests.bridge.livekit.bridge_process import running_bridge
from tests.bridge.livekit.guest import Guest
from tests.e2e.the_log import facts_of
from tests.livekit_server import running_livekit
from tests.speech import recorded, silence
from tests.waiting import until, until_async

# Whose words stop a reply is shown by tests/actors/transcript/test_barge_in.py, what the door makes of them by
# tests/bridge/playback, a room of a whole system by test_room_call.py.
pytestmark = [pytest.mark.e2e, pytest.mark.nightly, pytest.mark.asyncio(loop_scope="package")]

GREETING = (
    "Hello, this is Daredevil speaking. I will tell you a long story about a small ship on a wide sea. "
    "It left the harbour on a grey morning with four sailors, two goats and a cook who could not swim. "
    "On the third day the wind fell asleep, and the ship lay as still as a stone in a pond."
)


async def test_people_who_talk_over_the_agent_do_not_stop_it_and_stop_does(system: Supervisor, tmp_path: Path) -> None:
    async with running_livekit(tmp_path / "livekit") as media:
        settings = {
            "nats_url": system.addresses.nats_url,
            "livekit_url": media.url,
            "livekit_api_key": media.api_key,
            "livekit_api_secret": media.api_secret,
            "greeting": GREETING,
            "addressee": "named",
            "room_empty_s": 1,
        }
        # Both are there before the agent is, so that nobody is alone with it.
        async with (
            Guest.joined(media, "hall", "ada") as ada,
            Guest.joined(media, "hall", "bob") as bob,
            running_bridge(tmp_path / "bridge.log", **settings),
        ):
            session_id = session_of_room(await ada.room.sid)

            async def said(*kinds: type[e.Event]) -> list[e.Event]:
                events = [fact.event for fact in await facts_of(system.addresses.nats_url, session_id)]
                return [event for event in events if isinstance(event, kinds)]

            await ada.hears(30)
            await bob.say(recorded("i_am_sam"))
            await bob.say(silence(1500))

            async def goes_on() -> bool:
                return bool(await said(e.PlaybackResumed) and await said(e.TurnPassed))

            await until_async(goes_on, 20, "bob's words are passed over")
            heard_before = len(ada.loud_at)
            await until(lambda: len(ada.loud_at) > heard_before + 10, 10, "the agent does not go on")
            # One or two: his pause in mid-sentence may end an utterance.
            dismissals = await said(e.InterruptionDismissed)
            words = [each for each in dismissals if isinstance(each, e.InterruptionDismissed) and each.text]
            assert {(each.reason, each.participant_id) for each in words} == {
                ("unaddressed", participant_of_identity("bob"))
            }
            assert not await said(e.TurnInterrupted, e.PlaybackInterrupted, e.PlaybackFinished)

            await ada.say(recorded("stop"))
            await ada.say(silence(1000))
            await until_async(lambda: said(e.PlaybackInterrupted), 10, "the agent does not stop")
            (interrupted,) = await said(e.TurnInterrupted)
            assert isinstance(interrupted, e.TurnInterrupted)
            assert interrupted.participant_id == participant_of_identity("ada")
