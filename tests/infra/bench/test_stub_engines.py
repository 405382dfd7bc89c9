import numpy as np
import pytest
from aiohttp.test_utils import TestClient, TestServer

from infra.bench.stub_engines import ANSWER, HEARD, LETTER_S, VOICE_RATE_HZ, StubSTT, StubTTS, llm_server
from infra.engines import local_model
from infra.engines.plugins import EngineMissing, engine_class
from infra.engines.stt import make_engine, recognise
from infra.engines.tts import load_chain
from infra.engines.turn_detector import EndOfTurn, detector_named
from infra.settings import Settings


async def test_an_engine_can_be_named_by_module_and_class() -> None:
    engine = make_engine("infra.bench.stub_engines:StubSTT", {})
    assert isinstance(engine, StubSTT)
    assert (await recognise(engine, bytes(32_000))).text == HEARD
    assert engine_class("infra.bench.stub_engines:StubTTS", "TTS") is StubTTS
    with pytest.raises(EngineMissing, match="NoSuch"):
        make_engine("infra.bench.stub_engines:NoSuch", {})


async def test_every_pause_is_taken_for_the_end_of_the_turn() -> None:
    track = EndOfTurn(detector_named("infra.bench.stub_engines:StubTurnDetector")).track()
    assert await track.probability(np.zeros(100, np.int16)) == 1
    await track.aclose()
    assert (EndOfTurn(detector_named("infra.bench.stub_engines:NoSuch")).failure or "").startswith("AttributeError")


async def test_the_voice_hums_for_as_long_as_the_text_is() -> None:
    chain = load_chain(Settings().model_copy(update={"tts": "infra.bench.stub_engines:StubTTS", "voice": ""}))
    pcm = b"".join([sound.pcm async for sound in chain.synthesize("ten signs.")])  # type: ignore[union-attr]
    sound = np.frombuffer(pcm, np.int16)
    assert len(sound) / VOICE_RATE_HZ == pytest.approx(10 * LETTER_S, abs=0.02)
    assert np.abs(sound).max() > 5000
    await chain.close()


async def test_the_language_model_always_says_the_same() -> None:
    asked = {"model": "local", "messages": [{"role": "user", "content": "Hello"}]}
    async with TestClient(TestServer(llm_server())) as client:
        whole = await (await client.post("/v1/chat/completions", json=asked)).json()
        streamed = await (await client.post("/v1/chat/completions", json={**asked, "stream": True})).text()
    assert whole["choices"][0]["message"]["content"] == ANSWER
    assert streamed.endswith("data: [DONE]\n\n")
    assert streamed.count("data: ") == len(ANSWER.split()) + 2


async def test_the_language_model_is_there_for_doors_that_ask_before_a_call() -> None:
    async with TestServer(llm_server()) as server:
        settings = Settings(llm_url=f"http://127.0.0.1:{server.port}/v1")
        assert await local_model.is_there(settings, 5)
    assert not await local_model.is_there(settings, 5)
