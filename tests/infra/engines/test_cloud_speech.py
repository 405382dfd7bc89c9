"""OpenAI's engines of speech, with LiveKit's plugin, against a server that speaks its protocol and may fail."""

from contextlib import aclosing

import pytest
from livekit.agents.utils import http_context

from infra.engines.chain import EngineFailure
from infra.engines.stt import NothingHeard, SpeechToText
from infra.engines.tts import SKIPPED, load_chain
from infra.engines.voice import SynthesizedSound
from infra.settings import Settings
from tests.engine_servers.openai_audio import SECOND, OpenAIAudioServer, openai_audio_server
from tests.engine_servers.spelt_sound import spelt

KEY = "secret-key"


async def said(server: OpenAIAudioServer, **settings: object) -> tuple[list[SynthesizedSound], list[EngineFailure]]:
    """Return the sound of a clause, and the failures."""
    options = {"api_key": KEY, "base_url": server.url, "response_format": "pcm", "model": "gpt-4o-mini-tts"}
    voices = load_chain(Settings.model_validate({"tts": "openai.TTS", "tts_options": options, **settings}))
    sounds: list[SynthesizedSound] = []
    failures: list[EngineFailure] = []
    async with http_context.open():
        async with aclosing(voices.synthesize("The train leaves at nine.")) as parts:
            async for part in parts:
                if isinstance(part, EngineFailure):
                    failures.append(part)
                else:
                    sounds.append(part)
        await voices.close()
    return sounds, failures


async def test_a_clause_is_said_by_the_voice_of_the_settings() -> None:
    async with openai_audio_server() as server:
        sounds, failures = await said(server, voice="coral")
        assert failures == []
        assert b"".join(sound.pcm for sound in sounds)[: len(SECOND)] == SECOND
        assert {sound.sample_rate_hz for sound in sounds} == {24_000}
        (asked,) = server.asked
        assert (asked["input"], asked["voice"]) == ("The train leaves at nine.", "coral")


@pytest.mark.parametrize("status", [401, 429, 500])
async def test_a_voice_that_is_refused_is_a_failure_with_its_status(status: int) -> None:
    async with openai_audio_server(status) as server:
        sounds, (failure,) = await said(server)
        assert sounds == []
        assert (failure.engine, failure.action) == ("openai.TTS", SKIPPED)
        assert str(status) in failure.error
        assert KEY not in failure.error
        assert len(server.asked) == 1, "it is not asked again: the next engine of the chain is quicker"


@pytest.mark.parametrize(("fault", "limit_s"), [("stalls", 0.5), ("drops", 20)])
async def test_a_voice_that_breaks_off_in_a_clause_is_a_failure(fault: str, limit_s: float) -> None:
    async with openai_audio_server(fault=fault) as server:  # type: ignore[arg-type]  # one of Fault
        _, failures = await said(server, tts_timeout_s=limit_s)
        assert [failure.action for failure in failures] == [SKIPPED]


async def test_a_whole_utterance_is_recognised_with_one_request() -> None:
    async with openai_audio_server() as server, http_context.open():
        engines = SpeechToText("openai.STT", {"api_key": KEY, "base_url": server.url}, 20)
        assert engines.streaming() is None
        heard = await engines.recognise(spelt("what time the train leaves").tobytes())
        assert (heard.text, heard.engine) == ("what time the train leaves", "openai.STT")
        assert len(server.asked) == 1
        await engines.aclose()


@pytest.mark.parametrize("status", [401, 429, 500])
async def test_speech_to_text_that_is_refused_is_a_failure_with_its_status(status: int) -> None:
    async with openai_audio_server(status) as server, http_context.open():
        engines = SpeechToText("openai.STT", {"api_key": KEY, "base_url": server.url}, 20)
        failures: list[EngineFailure] = []

        async def failed(failure: EngineFailure) -> None:
            failures.append(failure)

        with pytest.raises(NothingHeard):
            await engines.recognise(spelt("what time").tobytes(), failed)
        (failure,) = failures
        assert str(status) in failure.error
        assert KEY not in failure.error
        assert len(server.asked) == 1
        await engines.aclose()
