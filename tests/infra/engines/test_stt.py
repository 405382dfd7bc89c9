import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from livekit.agents import stt
from livekit.agents.types import NOT_GIVEN, APIConnectOptions, NotGivenOr
from livekit.agents.utils import AudioBuffer

from infra.engines.chain import EngineFailure
from infra.engines.stt import REST_S, NothingHeard, SpeechToText, make_engine
from tests.infra.engines.chain_contract import LINE_CUT, Ask, ChainContract, Outcome, Script
from tests.speech import recorded

PCM = b"\0\0" * 1600


class ScriptedSTT(stt.STT[str]):
    """An engine of the script, which hears its own name. A request is answered as one: half an answer is none."""

    def __init__(self, name: str, script: Script) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=False, interim_results=False))
        self.name, self.script = name, script

    async def _recognize_impl(
        self, buffer: AudioBuffer, *, language: NotGivenOr[str] = NOT_GIVEN, conn_options: APIConnectOptions
    ) -> stt.SpeechEvent:
        match self.script.next(self.name):
            case "raises" | "breaks":
                raise ConnectionError(LINE_CUT)
            case "hangs":
                await asyncio.Event().wait()
            case "is cancelled":
                raise asyncio.CancelledError
        data = stt.SpeechData("en", self.name)  # type: ignore[arg-type]  # it makes a LanguageCode of it
        return stt.SpeechEvent(stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[data])


class TestSpeechToTextChain(ChainContract):
    rest_s = REST_S
    halves_are_given = False

    def chain(self, script: Script, timeout_s: float, clock: Callable[[], float]) -> Ask:
        def make(name: str, options: dict[str, Any]) -> ScriptedSTT:
            return ScriptedSTT(name, script)

        chain = SpeechToText(", ".join(script.does), {}, timeout_s, make, clock)

        async def ask(outcome: Outcome) -> None:
            async def failed(failure: EngineFailure) -> None:
                outcome.failures.append(failure)

            with suppress(NothingHeard):
                heard = await chain.recognise(PCM, failed)
                assert heard.text == heard.engine
                outcome.give(heard.engine)
                outcome.is_whole = True

        return ask


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
