"""A room whose guest has no echo cancellation: it sends back what it hears, and the agent does not answer itself."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
import soxr
from livekit import rtc

from contracts import events as e
from infra.livekit.naming import session_of_room
from infra.system.supervisor import Supervisor
from tests.bridge.livekit.bridge_process import running_bridge
from tests.bridge.livekit.guest import EAR_RATE_HZ, RATE_HZ, Guest, sound_of
from tests.e2e.the_log import facts_of
from tests.livekit_server import running_livekit
from tests.speech import silence
from tests.waiting import until_async

# That an agent hears no words in its own echo is shown by tests/actors/transcript/echo and test_brake.py beside it.
pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.nightly, pytest.mark.asyncio(loop_scope="package")]

GREETING = (
    "Hello, this is Daredevil. Your appointment is on March 3rd at 8:30 a.m. with Dr. Smith, and the fee is $12.75. "
    "Please bring 2 forms of ID to 21 Baker St. before 9:15, e.g. your passport and card no. 4."
)
ECHO_GAIN = 10 ** (-12 / 20)
ECHO_DELAY_MS = 150


async def send_back(guest: Guest, track: rtc.Track) -> None:
    """Say what is heard of a track, later and fainter."""
    to_microphone = soxr.ResampleStream(EAR_RATE_HZ, RATE_HZ, 1, dtype="int16")
    await guest.say(silence(ECHO_DELAY_MS))
    async for samples in sound_of(track):
        echo = np.round(to_microphone.resample_chunk(samples) * ECHO_GAIN).astype(np.int16)
        if len(echo):
            await guest.say(echo)


async def test_the_agent_that_hears_itself_finishes_and_takes_no_turn_of_its_own_words(
    system: Supervisor, tmp_path: Path
) -> None:
    async with running_livekit(tmp_path / "livekit") as media:
        settings = {
            "nats_url": system.addresses.nats_url,
            "livekit_url": media.url,
            "livekit_api_key": media.api_key,
            "livekit_api_secret": media.api_secret,
            "greeting": GREETING,
            "room_empty_s": 1,
        }
        async with (
            running_bridge(tmp_path / "bridge.log", **settings),
            Guest.joined(media, "hall", "ada") as ada,
        ):
            echoing: list[asyncio.Task[None]] = []
            ada.room.on(
                "track_subscribed", lambda track, *_: echoing.append(asyncio.create_task(send_back(ada, track)))
            )
            for agent in ada.agents():
                for publication in agent.track_publications.values():
                    if publication.track is not None and not echoing:
                        echoing.append(asyncio.create_task(send_back(ada, publication.track)))
            session_id = session_of_room(await ada.room.sid)

            async def said(*kinds: type[e.Event]) -> list[e.Event]:
                events = [fact.event for fact in await facts_of(system.addresses.nats_url, session_id)]
                return [event for event in events if isinstance(event, kinds)]

            try:
                await until_async(lambda: said(e.PlaybackFinished, e.PlaybackInterrupted), 60, "the reply does not end")
                # What it has said last is still on its way back, and would end a turn after a silence.
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(asyncio.gather(*echoing), 4)
            finally:
                for task in echoing:
                    task.cancel()
                await asyncio.gather(*echoing, return_exceptions=True)
            (finished,) = await said(e.PlaybackFinished)
            assert isinstance(finished, e.PlaybackFinished)
            assert finished.heard_text == GREETING
            dismissals = [
                each for each in await said(e.InterruptionDismissed) if isinstance(each, e.InterruptionDismissed)
            ]
            # What the canceller leaves of an echo before it has found it may be too short for a word.
            reasons = [each.reason for each in dismissals]
            assert "echo" in reasons, "it came back"
            assert set(reasons) <= {"echo", "no-words"}, "and is nothing else"
            assert not await said(e.TurnInterrupted, e.PlaybackInterrupted, e.TurnEnded)
