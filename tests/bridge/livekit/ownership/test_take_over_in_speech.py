"""What a take-over costs a caller who is speaking: they are heard again, and the reply ends or goes on."""

import asyncio
import itertools
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from livekit import rtc
from nats.aio.msg import Msg

from bridge.livekit.ownership.lease import HELD, SENDING, Holding
from contracts import events as e
from contracts.topology import (
    ROOMS,
)
from infra.livekit.naming import session_of_room
from infra.log.connection import connection
from tests.bridge.agent import RATE_HZ, Agent
from tests.bridge.livekit.conftest import Invite, StartBridge
from tests.bridge.livekit.guest import Guest
from tests.bridge.livekit.session_log import facts_with, names, one, pid_of
from tests.bridge.livekit.shared_bridge import *  # noqa: F403 (its fixtures)
from tests.bridge.livekit.voice import WORD_S, say_tones, saying_again
from tests.speech import recorded
from tests.waiting import until

WITHIN_S = 3.0


class Times:
    """When (monotonic s) each step of a take-over was seen from outside."""

    def __init__(self) -> None:
        self.sending_s = self.held_s = self.joined_s = 0.0
        self.sound_s: list[float] = []
        self.tracks: list[str] = []

    def parts(self, killed_s: float) -> dict[str, float]:
        """Each step's length, s: to find out, to send a job that has the room, to join, to hear."""
        heard_s = next(at for at in self.sound_s if at > self.held_s)
        steps = (killed_s, self.sending_s, self.held_s, self.joined_s, heard_s)
        names = ("found out", "another has it", "in the room", "hears again")
        return dict(zip(names, (later - before for before, later in itertools.pairwise(steps)), strict=True))


@asynccontextmanager
async def watched(agent: Agent, ada: Guest, session_id: str, participant_id: str) -> AsyncIterator[Times]:
    times = Times()
    nc = connection(agent.broker)

    async def on_lease(message: Msg) -> None:
        state = Holding.model_validate_json(message.data).state
        if state == SENDING and not times.sending_s:
            times.sending_s = time.monotonic()
        elif state == HELD and times.sending_s and not times.held_s:
            times.held_s = time.monotonic()

    def on_joined(participant: rtc.RemoteParticipant) -> None:
        if participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT:
            times.joined_s = time.monotonic()

    async def on_sound(_: Msg) -> None:
        times.sound_s.append(time.monotonic())

    leases = await nc.subscribe(ROOMS.address.of(session_id), cb=on_lease)
    sound = await nc.subscribe(f"audio.{session_id}.in.{participant_id}", cb=on_sound)
    ada.room.on("participant_connected", on_joined)
    yield times
    await leases.unsubscribe()
    await sound.unsubscribe()


async def talk_on(ada: Guest) -> None:
    while True:
        await ada.say(recorded("hello"))


@pytest.mark.alone
async def test_a_caller_whose_job_is_killed_while_they_speak_is_heard_again_within_three_seconds(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    ada = await invite()
    session_id = session_of_room(await ada.room.sid)
    await facts_with(agent, session_id, e.TrackPublished)
    talking = asyncio.create_task(talk_on(ada))
    async with watched(agent, ada, session_id, "ada") as times:
        await until(lambda: len(times.sound_s) > 50)
        os.kill(await pid_of(agent, session_id), signal.SIGKILL)
        killed_s = time.monotonic()
        await until(lambda: times.held_s and times.sound_s[-1] > times.held_s)
    talking.cancel()
    parts = times.parts(killed_s)
    print("heard again after a kill:", {name: round(part, 2) for name, part in parts.items()}, "in all",
          round(sum(parts.values()), 2), "s")  # fmt: skip
    assert sum(parts.values()) < WITHIN_S
    facts = await facts_with(agent, session_id, e.TrackUnpublished)
    opened = [fact.track_id for fact in facts if isinstance(fact, e.TrackPublished)]
    (closed,) = [fact for fact in facts if isinstance(fact, e.TrackUnpublished)]
    assert len(opened) == 2
    assert closed.track_id == opened[0]
    assert closed.reason == "replaced"


SPEECH = {"participant_id": "ada", "turn_id": "t-2", "utterance_id": "u-2"}


async def killed_while_spoken_over(invite: Invite, agent: Agent) -> tuple[str, str, e.PlaybackPaused]:
    """Somebody speaks over a reply, which is paused, and the job is killed; return session, text, and the pause."""
    ada = await invite()
    session_id = session_of_room(await ada.room.sid)
    await facts_with(agent, session_id, e.TrackPublished)
    text = await say_tones(agent, session_id, "r-1", [2, 2])
    await ada.hears()
    await until(lambda: len(ada.loud_at) > 60)
    await agent.append(e.SpeechStarted, session_id, track_id="track", start_sample=0, **SPEECH)
    paused = await one(agent, session_id, e.PlaybackPaused)
    assert isinstance(paused, e.PlaybackPaused)
    os.kill(await pid_of(agent, session_id), signal.SIGKILL)
    return session_id, text, paused


def without_stalls(played: list[str]) -> list[str]:
    """Leave out stalls and their ends: where the machine is busy, sound that is made again may be late."""
    before = ["", *played]
    return [
        name
        for last, name in itertools.pairwise(before)
        if name != "PlaybackStalled" and (last, name) != ("PlaybackStalled", "PlaybackResumed")
    ]


@pytest.mark.parametrize("reason", ["barge-in", pytest.param("turn-ended", marks=pytest.mark.nightly)])
async def test_a_reply_that_is_cut_off_while_its_job_is_dead_is_ended_with_what_was_heard(
    start_bridge: StartBridge, invite: Invite, agent: Agent, reason: str
) -> None:
    await start_bridge()
    session_id, text, paused = await killed_while_spoken_over(invite, agent)
    if reason == "barge-in":
        await agent.append(e.TurnInterrupted, session_id, reply_id="r-1", **SPEECH)
    else:
        await agent.append(e.TurnEnded, session_id, participant_id="ada", turn_id="t-2", text="stop")
    event = await one(agent, session_id, e.PlaybackInterrupted)
    assert isinstance(event, e.PlaybackInterrupted)
    assert (event.reason, event.played_samples) == (reason, paused.played_samples)
    words = int(paused.played_samples / RATE_HZ / WORD_S)
    assert event.heard_text == " ".join(text.split()[:words])
    async with saying_again(agent, session_id):
        await agent.reply(session_id, "r-2", "t-2")
        finished = await one(agent, session_id, e.PlaybackFinished)
    assert isinstance(finished, e.PlaybackFinished)
    assert finished.reply_id == "r-2"


async def test_a_reply_that_was_paused_when_its_job_died_goes_on_when_the_speech_was_none(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    session_id, text, _ = await killed_while_spoken_over(invite, agent)
    await agent.append(e.InterruptionDismissed, session_id, **SPEECH, reply_id="r-1", reason="no-words")
    async with saying_again(agent, session_id):
        finished = await one(agent, session_id, e.PlaybackFinished)
    assert isinstance(finished, e.PlaybackFinished)
    assert finished.heard_text == text
    played = [name for name in names(await agent.facts(session_id)) if name.startswith("Playback")]
    assert without_stalls(played) == ["PlaybackStarted", "PlaybackPaused", "PlaybackResumed", "PlaybackFinished"]
