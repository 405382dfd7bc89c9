"""When a stream of speech to text has told all words, and when it has failed. The engine does what the test says."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from livekit import rtc
from livekit.agents import APIConnectionError, stt
from livekit.agents.types import APIConnectOptions

from infra.engines.chain import EngineRaised, EngineTooSlow
from infra.engines.word_stream import QUIET_S, WordStream
from infra.process.tasks import CancelledElsewhere
from tests.waiting import until

FINAL, INTERIM = stt.SpeechEventType.FINAL_TRANSCRIPT, stt.SpeechEventType.INTERIM_TRANSCRIPT


class Line:
    """What a scripted stream does with its input and its events."""

    def __init__(self, stream: stt.RecognizeStream) -> None:
        self._stream = stream

    def say(self, kind: stt.SpeechEventType, text: str = "", end_s: float = 0) -> None:
        data = [stt.SpeechData("en", text, confidence=0.9, end_time=end_s)] if text else []  # type: ignore[arg-type]
        self._stream._event_ch.send_nowait(stt.SpeechEvent(kind, alternatives=data))

    async def until_ended(self) -> int:
        """Take the sound until its end; return how many samples there were."""
        samples = 0
        async for part in self._stream._input_ch:
            samples += part.samples_per_channel if isinstance(part, rtc.AudioFrame) else 0
        return samples


Script = Callable[[Line], Awaitable[None]]


class _Stream(stt.RecognizeStream):
    def __init__(self, engine: stt.STT[Any], options: APIConnectOptions, script: Script) -> None:
        self._script = script
        super().__init__(stt=engine, conn_options=options)

    async def _run(self) -> None:
        await self._script(Line(self))


class ScriptedSTT(stt.STT[str]):
    def __init__(self, script: Script) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True))
        self._script = script

    async def _recognize_impl(self, buffer: Any, **_: Any) -> stt.SpeechEvent:
        raise AssertionError("it is streamed to")

    def stream(self, *, language: Any = None, conn_options: Any = None) -> stt.RecognizeStream:
        return _Stream(self, conn_options, self._script)


def opened(script: Script, ends_within_s: float = 20) -> WordStream:
    return WordStream(ScriptedSTT(script), ends_within_s, lambda: None)


def pushed(stream: WordStream) -> WordStream:
    """Give it sound, and end it."""
    stream.push(b"\0\0" * 320)
    stream.push(b"\0\0" * 320)
    stream.end()
    return stream


async def test_the_words_are_the_final_ones_once_the_stream_has_ended() -> None:
    async def script(line: Line) -> None:
        line.say(INTERIM, "Hel")
        line.say(FINAL, "Hello")
        assert await line.until_ended() == 640
        line.say(INTERIM, "wor")
        line.say(FINAL, "world.")

    words = await pushed(opened(script)).result
    assert (words.text, words.language) == ("Hello world.", "en")
    assert words.confidence == pytest.approx(0.9)


async def test_the_words_so_far_are_final_ones_and_the_guess_behind_them() -> None:
    asked = asyncio.Event()

    async def script(line: Line) -> None:
        line.say(FINAL, "I would")
        line.say(INTERIM, "like")
        asked.set()
        await line.until_ended()

    stream = opened(script)
    await asked.wait()
    await until(lambda: stream.words.text == "I would like")
    assert not stream.is_final
    await stream.aclose()
    assert stream.result.cancelled()


async def test_a_stream_that_ends_before_the_speech_has_failed() -> None:
    async def script(line: Line) -> None:
        line.say(FINAL, "Hello")

    with pytest.raises(EngineRaised, match="before the speech did"):
        await opened(script).result


async def test_a_stream_that_ends_with_a_guess_has_failed_and_the_error_has_no_words() -> None:
    async def script(line: Line) -> None:
        await line.until_ended()
        line.say(INTERIM, "secret")

    with pytest.raises(EngineRaised, match="words that were not final") as failed:
        await pushed(opened(script)).result
    assert "secret" not in str(failed.value)


async def test_a_guess_that_proves_to_be_no_words_is_none() -> None:
    async def script(line: Line) -> None:
        await line.until_ended()
        line.say(INTERIM, "Uh")
        line.say(stt.SpeechEventType.END_OF_SPEECH)

    assert (await pushed(opened(script)).result).text == ""


async def test_a_stream_that_stalls_has_failed() -> None:
    async def script(line: Line) -> None:
        line.say(FINAL, "Hello", end_s=0.5)  # of three seconds: what follows is owed
        await asyncio.Event().wait()

    stream = opened(script, 0.2)
    stream.push(b"\0\0" * 48_000)
    with pytest.raises(EngineTooSlow, match=r"did not end within 0\.2 s"):
        await pushed(stream).result


async def test_a_stream_that_does_not_close_has_told_all_when_it_is_quiet_after_final_words() -> None:
    async def script(line: Line) -> None:
        await line.until_ended()
        line.say(FINAL, "Hello")
        line.say(INTERIM, "wor")
        await asyncio.sleep(2 * QUIET_S)  # a guess is out: it is waited for
        line.say(FINAL, "world.")
        await asyncio.Event().wait()

    assert (await pushed(opened(script)).result).text == "Hello world."


async def test_what_the_engine_raises_is_the_results() -> None:
    async def script(line: Line) -> None:
        raise APIConnectionError("the line is cut")

    stream = opened(script)
    with pytest.raises(APIConnectionError, match="the line is cut"):
        await stream.result
    pushed(stream)  # raises nothing


async def test_an_engine_that_cannot_open_a_stream_has_failed() -> None:
    class Broken(ScriptedSTT):
        def stream(self, *, language: Any = None, conn_options: Any = None) -> stt.RecognizeStream:
            raise ValueError("language detection is not supported in streaming mode")

    async def nothing(line: Line) -> None:
        return

    stream = pushed(WordStream(Broken(nothing), 1, lambda: None))
    with pytest.raises(ValueError, match="language detection"):
        await stream.result
    await stream.aclose()


async def test_a_cancellation_that_nobody_asked_for_is_a_failure() -> None:
    async def script(line: Line) -> None:
        raise asyncio.CancelledError

    stream = pushed(opened(script, 1))
    with pytest.raises(CancelledElsewhere):
        await stream.result
