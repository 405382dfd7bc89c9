"""The example's engines at work, as LiveKit's session uses them, without a room."""

import asyncio

import pytest
from livekit import rtc
from livekit.agents import stt

from docs.examples.local_engines import agent_session, engines
from tests.speech import RATE_HZ, recorded, silence

pytestmark = pytest.mark.engines


async def test_a_recorded_question_is_cut_understood_and_spoken_again() -> None:
    local = engines()
    adapter = stt.StreamAdapter(stt=local.stt, vad=local.vad)
    heard: list[str] = []
    async with asyncio.timeout(60), adapter.stream() as stream:
        for samples in (silence(300), recorded("what_time"), silence(1500)):
            for at in range(0, len(samples) - 320, 320):
                stream.push_frame(rtc.AudioFrame(samples[at : at + 320].tobytes(), RATE_HZ, 1, 320))
        stream.end_input()
        async for event in stream:
            if event.type == stt.SpeechEventType.FINAL_TRANSCRIPT:
                heard.append(event.alternatives[0].text)
    assert "what time is it" in " ".join(heard).lower()
    sound = await local.tts.synthesize(heard[0]).collect()
    assert 0.3 < sound.duration < 10
    await local.stt.aclose()
    await local.tts.aclose()


async def test_a_stock_session_takes_them() -> None:
    local = engines()
    session = agent_session(local)
    assert (session.stt, session.vad, session.tts) == (local.stt, local.vad, local.tts)
