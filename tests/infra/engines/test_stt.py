import asyncio
from typing import Any

import numpy as np
import pytest
from livekit.agents import stt
from livekit.agents.types import NOT_GIVEN, APIConnectOptions, NotGivenOr
from livekit.agents.utils import AudioBuffer

from infra.engines import stt as engines
from infra.engines.chain import EngineFailure
from infra.engines.plugins import EngineMissing
from infra.engines.stt import NothingHeard, SpeechToText, make_engine
from tests.speech import recorded

PCM = b"\0\0" * 1600


class Fake(stt.STT[str]):
    def __init__(self, text: str = "", error: Exception | None = None, hangs: bool = False) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=False, interim_results=False))
        self.text, self.error, self.hangs, self.calls = text, error, hangs, 0

    async def _recognize_impl(
        self, buffer: AudioBuffer, *, language: NotGivenOr[str] = NOT_GIVEN, conn_options: APIConnectOptions
    ) -> stt.SpeechEvent:
        self.calls += 1
        if self.error is not None:
            raise self.error
        if self.hangs:
            await asyncio.Event().wait()
        data = stt.SpeechData("en", self.text)  # type: ignore[arg-type]  # it makes a LanguageCode of it
        return stt.SpeechEvent(stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[data])


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> dict[str, Fake]:
    made: dict[str, Fake] = {}

    def make(name: str, options: dict[str, Any]) -> Fake:
        return made[name]

    monkeypatch.setattr(engines, "make_engine", make)
    return made


async def recognised(chain: SpeechToText) -> tuple[str, str, list[EngineFailure]]:
    failures: list[EngineFailure] = []

    async def failed(failure: EngineFailure) -> None:
        failures.append(failure)

    recognition = await chain.recognise(PCM, failed)
    return recognition.text, recognition.engine, failures


async def test_the_first_engine_that_works_recognises(fakes: dict[str, Fake]) -> None:
    fakes.update(a=Fake("one"), b=Fake("two"))
    assert await recognised(SpeechToText("a,b", {}, 1)) == ("one", "a", [])
    assert fakes["b"].calls == 0


@pytest.mark.parametrize("broken", [Fake(error=RuntimeError("no")), Fake(hangs=True)])
async def test_an_engine_that_raises_or_hangs_is_told_and_replaced(fakes: dict[str, Fake], broken: Fake) -> None:
    fakes.update(a=broken, b=Fake("two"))
    text, engine, failures = await recognised(SpeechToText("a, b", {}, 0.05))
    assert (text, engine) == ("two", "b")
    assert [(failure.engine, failure.action) for failure in failures] == [("a", "b was asked")]


async def test_an_engine_that_failed_is_passed_over_for_a_while(fakes: dict[str, Fake]) -> None:
    fakes.update(a=Fake(error=RuntimeError("no")), b=Fake("two"))
    chain = SpeechToText("a,b", {}, 1)
    await recognised(chain)
    await recognised(chain)
    assert (fakes["a"].calls, fakes["b"].calls) == (1, 2)


async def test_when_no_engine_works_the_words_are_lost_and_it_says_so(fakes: dict[str, Fake]) -> None:
    fakes.update(a=Fake(error=RuntimeError("no")))
    with pytest.raises(NothingHeard):
        await recognised(SpeechToText("a", {}, 1))


def test_an_engine_that_is_not_installed_is_named_with_what_to_do() -> None:
    with pytest.raises(EngineMissing, match="livekit-plugins-nosuch"):
        make_engine("nosuch.STT", {})


@pytest.mark.engines
async def test_moonshine_understands_speech_in_two_lanes_at_once() -> None:
    lanes = [SpeechToText("local", {}, 30), SpeechToText("local", {}, 30)]
    pcm = recorded("what_time").tobytes()
    found = await asyncio.gather(*(lane.recognise(pcm) for lane in lanes))
    assert [recognition.text for recognition in found] == ["What time is it?"] * 2
    assert found[0].engine == "local"
    for lane in lanes:
        await lane.aclose()


@pytest.mark.engines
async def test_sound_at_another_rate_is_refused() -> None:
    from livekit import rtc

    engine = make_engine("local", {})
    frame = rtc.AudioFrame(np.zeros(800, np.int16).tobytes(), 8000, 1, 800)
    with pytest.raises(ValueError, match="16 kHz"):
        await engine.recognize(frame)
