"""Which chain of engines a session's profile gets."""

import asyncio

from actors.synthesis.voices import MOST_CHAINS, Voices
from infra.engines.chain import EngineFailure
from infra.engines.plugins import EngineMissing
from infra.engines.tts import TextToSpeech
from infra.settings import Settings


class Loads:
    """Loads chains without engines, and notes what was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def __call__(self, settings: Settings) -> TextToSpeech:
        self.asked.append((settings.tts, settings.voice))
        if settings.tts == "nowhere.TTS":
            raise EngineMissing("no text to speech 'nowhere.TTS'")
        return TextToSpeech([])


def wanting(tts: str = "local", voice: str = "") -> Settings:
    return Settings(tts=tts, voice=voice)


async def opened(loads: Loads) -> Voices:
    voices = Voices(Settings(tts="local", voice=""), loads)
    await voices.open()
    return voices


async def test_a_profile_that_names_nothing_or_the_same_as_the_settings_has_their_chain() -> None:
    loads = Loads()
    voices = await opened(loads)
    (first, _), (second, failure) = await voices.of(wanting()), await voices.of(wanting("local", ""))
    assert first is second
    assert failure is None
    assert loads.asked == [("local", "")]


async def test_another_voice_is_loaded_once_however_many_sessions_ask_for_it() -> None:
    loads = Loads()
    voices = await opened(loads)
    chains = await asyncio.gather(*(voices.of(wanting("local", "/amy.onnx")) for _ in range(5)))
    assert len({id(chain) for chain, _ in chains}) == 1
    assert loads.asked == [("local", ""), ("local", "/amy.onnx")]


async def test_an_engine_that_cannot_be_had_here_is_stood_in_for_and_told() -> None:
    voices = await opened(Loads())
    own, _ = await voices.of(wanting("local", ""))
    chain, failure = await voices.of(wanting("nowhere.TTS", ""))
    assert chain is own
    assert failure is not None
    assert (failure.engine, failure.action) == ("nowhere.TTS", "used local")


async def test_no_more_voices_are_kept_in_memory_than_fit() -> None:
    voices = await opened(Loads())
    failures = [(await voices.of(wanting("local", f"/{number}.onnx")))[1] for number in range(MOST_CHAINS)]
    assert failures[:-1] == [None] * (MOST_CHAINS - 1)
    assert failures[-1] is not None
    assert "loaded here already" in failures[-1].error


async def test_settings_that_name_no_engine_of_this_machine_let_it_start_and_fail_clause_by_clause() -> None:
    voices = Voices(Settings(tts="nowhere.TTS"), Loads())
    await voices.open()
    assert not voices.usable
    chain, failure = await voices.of(wanting("nowhere.TTS"))
    assert failure is None
    (told,) = [part async for part in chain.synthesize("Hello.")]
    assert isinstance(told, EngineFailure)
    assert (told.engine, told.action) == ("nowhere.TTS", "skipped the clause")
    assert "no text to speech 'nowhere.TTS'" in told.error
    await voices.close()


async def test_a_session_with_a_voice_of_its_own_speaks_though_the_settings_have_none() -> None:
    voices = Voices(Settings(tts="nowhere.TTS", voice=""), Loads())
    await voices.open()
    _, failure = await voices.of(wanting("local", ""))
    assert failure is None


async def test_options_of_a_session_are_those_of_its_engines() -> None:
    asked: list[dict[str, object]] = []

    def load(settings: Settings) -> TextToSpeech:
        asked.append(settings.tts_options)
        return TextToSpeech([])

    voices = Voices(Settings(), load)
    await voices.open()
    first, _ = await voices.of(Settings(tts_options={"speed": 2}))
    again, _ = await voices.of(Settings(tts_options={"speed": 2}))
    assert first is again
    assert asked == [{}, {"speed": 2}]


async def test_each_share_of_sessions_has_its_chain_loaded_from_the_start() -> None:
    loads = Loads()
    voices = Voices(Settings(tts="80%:local,20%:openai.TTS,local", voice=""), loads)
    await voices.open()
    assert loads.asked == [("local", ""), ("openai.TTS,local", "")]
    assert await voices.of(wanting("openai.TTS,local")) == (voices._chains["openai.TTS,local", "", "{}"], None)
    assert voices.usable


async def test_a_share_whose_engines_are_missing_makes_the_process_unable() -> None:
    voices = Voices(Settings(tts="80%:local,20%:nowhere.TTS", voice=""), Loads())
    await voices.open()
    assert not voices.usable
