"""What people do with their microphones, and what comes that is none: each is a clear fact, or harmless."""

import asyncio

import numpy as np
from livekit import rtc

from contracts import events as e
from contracts.audio import FRAME_MS, IN_SAMPLE_RATE_HZ
from infra.livekit.naming import session_of_room, track_of_sid
from tests.bridge.agent import Agent
from tests.bridge.livekit.conftest import Invite, StartBridge
from tests.bridge.livekit.session_log import facts_with, names
from tests.bridge.livekit.shared_bridge import *  # noqa: F403 (its fixtures)
from tests.speech import recorded
from tests.waiting import until

FRAME_SAMPLES = IN_SAMPLE_RATE_HZ * FRAME_MS // 1000


async def test_another_device_is_another_track_with_true_counts(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    ada = await invite()
    session_id = session_of_room(await ada.room.sid)
    assert ada.publication is not None
    first = track_of_sid(ada.publication.sid)
    await facts_with(agent, session_id, e.TrackPublished)
    async with agent.hearing(session_id, "ada") as frames:
        await ada.say(recorded("hello"))
        await ada.close_microphone()
        await facts_with(agent, session_id, e.TrackUnpublished)
        await ada.open_microphone(48_000, 2)
        assert ada.source is not None
        second = track_of_sid(ada.publication.sid)
        facts = await facts_with(agent, session_id, e.TrackPublished, count=2)
        stereo = np.repeat(np.sin(np.arange(960) * 0.05) * 9000, 2).astype("<i2").tobytes()
        for _ in range(50):
            await ada.source.capture_frame(rtc.AudioFrame(stereo, 48_000, 2, 960))
        await until(lambda: sum(f.track_id == second for f in frames) > 20)
    assert [f.track_id for f in facts if isinstance(f, e.TrackPublished)] == [first, second]
    (gone,) = [f for f in facts if isinstance(f, e.TrackUnpublished)]
    sent = [f for f in frames if f.track_id == first]
    assert gone.track_id == first
    assert gone.samples == sent[-1].first_sample + len(sent[-1].pcm) // 2
    assert [f.first_sample for f in frames if f.track_id == second][:20] == [FRAME_SAMPLES * n for n in range(20)]
    assert max(np.abs(np.frombuffer(f.pcm, "<i2")).max() for f in frames if f.track_id == second) > 5000


async def test_a_muted_microphone_is_silence_and_goes_on(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    ada = await invite()
    session_id = session_of_room(await ada.room.sid)
    await facts_with(agent, session_id, e.TrackPublished)
    assert ada.publication is not None
    track = ada.publication.track
    assert isinstance(track, rtc.LocalAudioTrack)
    async with agent.hearing(session_id, "ada") as frames:
        track.mute()
        talking = asyncio.create_task(ada.say(recorded("hello")))
        await until(lambda: len(frames) > 60)
        assert max(np.abs(np.frombuffer(f.pcm, "<i2")).max() for f in frames[20:60]) < 200
        await talking
        track.unmute()
        muted = len(frames)
        await ada.say(recorded("hello"))
        await until(lambda: len(frames) > muted + 60)
        assert max(np.abs(np.frombuffer(f.pcm, "<i2").astype(int)).max() for f in frames[muted:]) > 1000
    assert names(await agent.facts(session_id)).count("TrackPublished") == 1


async def test_people_without_a_voice_and_video_are_harmless(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    silent = await invite(identity="silent", mic=False)
    viewer = await invite(identity="viewer", mic=False)
    noisy = await invite(identity="noisy", mic=False)
    session_id = session_of_room(await silent.room.sid)
    video = rtc.LocalVideoTrack.create_video_track("camera", rtc.VideoSource(64, 48))
    await viewer.room.local_participant.publish_track(video)
    await noisy.open_microphone(8_000)
    assert noisy.source is not None
    facts = await facts_with(agent, session_id, e.TrackPublished)
    async with agent.hearing(session_id, "noisy") as frames:
        for n in range(50):
            noise = np.random.default_rng(n).normal(0, 9000, 160).astype("<i2").tobytes()
            await noisy.source.capture_frame(rtc.AudioFrame(noise, 8_000, 1, 160))
        await until(lambda: len(frames) > 40)
    assert {len(frame.pcm) for frame in frames} == {FRAME_SAMPLES * 2}
    for guest in (silent, viewer, noisy):
        await guest.leave()
    facts = await facts_with(agent, session_id, e.SessionClosed)
    (track,) = [f for f in facts if isinstance(f, e.TrackPublished)]
    assert track.participant_id == "noisy"
    left = [f.participant_id for f in facts if isinstance(f, e.ParticipantLeft)]
    assert sorted(left) == ["noisy", "silent", "viewer"]
