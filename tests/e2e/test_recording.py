"""A real call's recording: what the transcript says can be found in the sound, where the captions say it is."""

import asyncio

import nats
import numpy as np
import pytest
import soxr
from livekit import rtc

from contracts import events as e
from infra.caller import CallResult
from infra.engines.moonshine import MoonshineSTT
from infra.export.captions import Caption
from infra.export.conversation import conversation_of
from infra.session.recordings import Samples, last_chunk, pcm_of
from infra.system.supervisor import Supervisor
from tests.e2e.the_log import facts_of

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

MARGIN_MS = 100


async def test_words_of_the_transcript_are_in_the_sound(system: Supervisor, hello_call: CallResult) -> None:
    url = system.addresses.nats_url
    async with asyncio.timeout(30):
        facts: list[e.Event] = []
        while not any(isinstance(fact, e.RecordingStored) for fact in facts):
            await asyncio.sleep(0.1)
            facts = [fact.event for fact in await facts_of(url, hello_call.session_id)]
    nc = await nats.connect(url)
    try:
        sound, _ = await pcm_of(nc, hello_call.session_id)
        chunk = await last_chunk(nc, hello_call.session_id)
    finally:
        await nc.close()
    assert chunk is not None
    captions = conversation_of(facts, chunk.chunk.track_samples).captions
    heard = {who: await _recognised(sound, channel, captions, who) for channel, who in enumerate(("user", "agent"))}
    assert "how are you" in heard["user"]
    said = [caption.text for caption in captions if caption.speaker == "agent"]
    assert set(_words(" ".join(said))) & set(_words(heard["agent"]))


async def _recognised(sound: Samples, channel: int, captions: list[Caption], speaker: str) -> str:
    """What speech to text makes of the cut in which the captions of a speaker lie."""
    own = [caption for caption in captions if caption.speaker == speaker]
    first, last = (
        int(ms * 48) for ms in (max(0, own[0].start_ms - MARGIN_MS), max(each.end_ms for each in own) + MARGIN_MS)
    )
    cut = soxr.resample(sound[first:last, channel].astype(np.float32), 48_000, 16_000).astype(np.int16)
    engine = MoonshineSTT()
    try:
        event = await engine.recognize(rtc.AudioFrame(cut.tobytes(), 16_000, 1, len(cut)))
    finally:
        await engine.aclose()
    return event.alternatives[0].text.lower()


def _words(text: str) -> list[str]:
    return [word.strip(".,!?").lower() for word in text.split() if len(word.strip(".,!?")) > 2]
