"""Text to speech: the chain of engines, plugins by name, and the local voice."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable
from types import ModuleType
from typing import Any

import pytest
from livekit.agents import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions, tts

from infra.engines.chain import PASSED_OVER, EngineFailure
from infra.engines.phrases import Phrases
from infra.engines.plugins import EngineMissing
from infra.engines.tts import REST_S, TextToSpeech, load_chain, speakable
from infra.engines.voice import SynthesizedSound, Voice
from infra.settings import Settings
from infra.spoken.scripts import scripts_of
from tests.infra.engines.chain_contract import LINE_CUT, Ask, ChainContract, Outcome, Script

TONE = b"\x00\x10" * 2205


class PluginTTS(tts.TTS[None]):
    """A plugin as LiveKit knows them, which makes a tone, nothing, an error, or silence for ever."""

    def __init__(self, *, does: str = "tone", voice: str = "", channels: int = 1) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=22_050, num_channels=channels)
        self.does, self.voice = does, voice
        self.heard = asyncio.Event()

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return _PluginStream(tts=self, input_text=text, conn_options=conn_options)


class _PluginStream(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        engine = self._tts
        assert isinstance(engine, PluginTTS)
        output_emitter.initialize(
            request_id="r", sample_rate=22_050, num_channels=engine.num_channels, mime_type="audio/pcm"
        )
        if engine.does == "hang":
            await asyncio.Event().wait()
        if engine.does in ("tone", "break"):
            output_emitter.push(TONE * engine.num_channels)
        if engine.does in ("raise", "break"):
            if engine.does == "break":
                await engine.heard.wait()
            raise ConnectionError(LINE_CUT)
        if engine.does == "cancel":
            raise asyncio.CancelledError


def _voice(does: str, timeout_s: float = 5) -> Voice:
    return Voice(does, PluginTTS(does=does), timeout_s)


async def _heard(chain: TextToSpeech, text: str = "Hello.") -> list[SynthesizedSound | EngineFailure]:
    return [sound async for sound in chain.synthesize(text)]


DOES = {"answers": "tone", "raises": "raise", "hangs": "hang", "breaks": "break", "is cancelled": "cancel"}


class TestTextToSpeechChain(ChainContract):
    rest_s = REST_S

    def chain(self, script: Script, timeout_s: float, clock: Callable[[], float]) -> Ask:
        plugins = {name: ScriptedTTS(name, script) for name in script.does}
        chain = TextToSpeech([Voice(name, plugin, timeout_s) for name, plugin in plugins.items()], clock)

        async def ask(outcome: Outcome) -> None:
            last: SynthesizedSound | EngineFailure | None = None
            async for last in chain.synthesize("Hello."):
                if isinstance(last, EngineFailure):
                    if last.error != PASSED_OVER:  # it has not failed: it rests
                        outcome.failures.append(last)
                else:
                    outcome.give(last.engine)
                    plugins[last.engine].heard.set()
            outcome.is_whole = isinstance(last, SynthesizedSound)

        return ask


class ScriptedTTS(PluginTTS):
    """An engine of the script."""

    def __init__(self, name: str, script: Script) -> None:
        super().__init__()
        self.name, self.script = name, script

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        self.does = DOES[self.script.next(self.name)]
        return super().synthesize(text, conn_options=conn_options)


async def test_an_engine_that_ends_without_a_sound_has_failed() -> None:
    (failure,) = await _heard(TextToSpeech([_voice("nothing")]))
    assert isinstance(failure, EngineFailure)
    assert "no audio" in failure.error
    assert failure.action == "skipped the clause"


async def test_two_channels_become_one() -> None:
    sounds = await _heard(TextToSpeech([Voice("stereo", PluginTTS(channels=2), 5)]))
    assert b"".join(sound.pcm for sound in sounds if isinstance(sound, SynthesizedSound)) == TONE


@pytest.mark.parametrize("text", ["", "...", "\N{GRINNING FACE}", "\x00\x07", "—"])
async def test_text_without_a_letter_or_digit_has_no_sound_and_is_no_failure(text: str) -> None:
    assert not speakable(text)
    assert await _heard(TextToSpeech([_voice("raise")]), text) == []


async def test_a_plugin_is_loaded_by_its_name_with_the_options_that_it_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    plugin: Any = ModuleType("livekit.plugins.tones")
    plugin.TTS = PluginTTS
    monkeypatch.setitem(sys.modules, "livekit.plugins.tones", plugin)
    options: dict[str, object] = {"does": "tone", "unknown": 1}
    (voice,) = load_chain(Settings(tts="tones.TTS", tts_options=options, voice="ann")).voices
    assert isinstance(voice._engine, PluginTTS)
    assert (voice.name, voice._engine.does, voice._engine.voice) == ("tones.TTS", "tone", "ann")


async def test_the_voice_of_a_plugin_that_calls_it_voice_id_is_that_of_the_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class NamesVoiceId(PluginTTS):
        def __init__(self, *, voice_id: str = "") -> None:
            super().__init__(voice=voice_id)

    plugin: Any = ModuleType("livekit.plugins.tones")
    plugin.TTS = NamesVoiceId
    monkeypatch.setitem(sys.modules, "livekit.plugins.tones", plugin)
    (voice,) = load_chain(Settings(tts="tones.TTS", voice="ann")).voices
    assert isinstance(voice._engine, PluginTTS)
    assert voice._engine.voice == "ann"


@pytest.mark.parametrize("name", ["nosuchplugin.TTS", "silero.TTS", "local"])
def test_an_engine_that_is_not_there_is_named_with_what_to_do(name: str) -> None:
    with pytest.raises(EngineMissing, match=r"nosuchplugin|silero|voice"):
        load_chain(Settings(tts=name, voice="/no/such/voice.onnx"))


async def test_an_engine_that_cannot_be_used_is_reported_at_each_clause_and_the_next_speaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plugin: Any = ModuleType("livekit.plugins.tones")
    plugin.TTS = PluginTTS
    monkeypatch.setitem(sys.modules, "livekit.plugins.tones", plugin)
    chain = load_chain(Settings(tts="nosuchmodule:Class,tones.TTS"))
    await chain.warm_up()
    failure, *sounds = await _heard(chain)
    assert isinstance(failure, EngineFailure)
    assert (failure.engine, failure.action) == ("nosuchmodule:Class", "used tones.TTS")
    assert "is the package with nosuchmodule installed" in failure.error
    assert sounds
    assert all(isinstance(sound, SynthesizedSound) for sound in sounds)
    await chain.close()


async def test_a_short_phrase_is_made_once_and_a_long_one_each_time() -> None:
    engine = PluginTTS()
    made: list[str] = []
    synthesize = engine.synthesize

    def counted(text: str, **options: Any) -> tts.ChunkedStream:
        made.append(text)
        return synthesize(text, **options)

    engine.synthesize = counted  # type: ignore[method-assign]  # counts what is asked of it
    chain = TextToSpeech([Voice("tone", engine, 5, Phrases())])
    first = await _heard(chain, "I'm sorry,")
    assert await _heard(chain, "I'm sorry,") == first
    long = "I could not find that for you."
    assert await _heard(chain, long) == await _heard(chain, long)
    assert made == ["I'm sorry,", long, long]


def test_the_phrase_longest_unused_is_forgotten_first() -> None:
    phrases: Phrases[int] = Phrases(most_phrases=2)
    phrases.keep("one", [1])
    phrases.keep("two", [2])
    assert phrases.recall("one") == (1,)
    phrases.keep("three", [3])
    assert (phrases.recall("one"), phrases.recall("two"), phrases.recall("three")) == ((1,), None, (3,))


class Telling(Voice):
    """A voice that says what it was given, and when each of its words ended (0.1 s a word)."""

    def __init__(self, name: str = "telling", scripts: frozenset[str] | None = None) -> None:
        super().__init__(name, PluginTTS(), 5, scripts=scripts)
        self.given: list[str] = []

    async def synthesize(self, text: str) -> AsyncGenerator[SynthesizedSound, None]:
        self.given.append(text)
        words = len(text.split())
        yield SynthesizedSound(TONE, 22_050, self.name, tuple((n + 1) / 10 for n in range(words // 2)))
        yield SynthesizedSound(TONE, 22_050, self.name, tuple((n + 1) / 10 for n in range(words // 2, words)))


async def test_every_engine_is_given_the_spoken_form_and_refers_to_the_written_words() -> None:
    voice = Telling()
    sounds = await _heard(TextToSpeech([voice]), "**Dr. Lee** paid $12.75.")
    assert voice.given == ["Doctor Lee paid twelve dollars and seventy-five cents."]
    ends = [sound.word_ends_s for sound in sounds if isinstance(sound, SynthesizedSound)]
    assert ends == [(), (0.1, 0.2, 0.3, pytest.approx(0.8))]


ENGLISH = scripts_of("en-us")
CHINESE = "\u4f60\u597d\uff0c\u4e16\u754c\u3002"


async def test_a_script_that_an_engine_cannot_say_goes_to_the_next_that_can() -> None:
    english, any_script = Telling("english", ENGLISH), Telling("any")
    failure, *sounds = await _heard(TextToSpeech([english, any_script]), CHINESE)
    assert isinstance(failure, EngineFailure)
    assert (failure.engine, failure.action) == ("english", "used any")
    assert "Chinese" in failure.error
    assert (english.given, any_script.given) == ([], [CHINESE])
    assert not any(sound.unsaid for sound in sounds if isinstance(sound, SynthesizedSound))
    assert not isinstance(
        (await _heard(TextToSpeech([english, any_script])))[0], EngineFailure
    )  # it does not rest for that


async def test_where_no_engine_can_say_a_script_it_is_said_that_it_cannot() -> None:
    voice = Telling("english", ENGLISH)
    chain = TextToSpeech([voice])
    failure, *sounds = await _heard(chain, CHINESE)
    assert isinstance(failure, EngineFailure)
    assert failure.action == "said that it cannot"
    assert voice.given == ["I'm sorry, I cannot say that, because it is written in Chinese letters."]
    assert sounds
    assert all(sound.unsaid for sound in sounds if isinstance(sound, SynthesizedSound))
    assert (chain.can_say(CHINESE), chain.can_say("Hello."), chain.can_say("...")) == (False, True, True)


async def test_of_a_sentence_the_words_of_another_script_are_left_out() -> None:
    voice = Telling("english", ENGLISH)
    failure, *_ = await _heard(TextToSpeech([voice]), "The word \u4f60\u597d means hello.")
    assert isinstance(failure, EngineFailure)
    assert failure.action == "left these words out"
    assert voice.given == ["The word means hello."]
