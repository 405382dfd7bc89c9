"""The recipe for an engine, followed: its classes named in the settings, asked as the actors ask them."""

import re
from pathlib import Path

import numpy as np
import pytest

from docs.examples.own_engines import LoudnessSTT, ParrotLLM, ToneTTS
from infra.engines.llm import LlmNotFound, chat_model
from infra.engines.stt import SpeechToText
from infra.engines.tts import load_chain
from infra.engines.voice import SynthesizedSound
from infra.settings import Settings
from infra.system.doctor.engines import engine_finding, engine_problems

PAGE = (Path(__file__).parents[3] / "docs" / "extending.md").read_text()


def recipes_settings() -> dict[str, str]:
    """Return the settings of the recipe's code block, by their names in `Settings`."""
    section = PAGE[PAGE.index("## An engine\n") :].split("\n## ")[0]
    return {name.lower(): value.strip("'") for name, value in re.findall(r"DAREDEVIL_(\w+)=('[^']*'|\S+)", section)}


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in recipes_settings().items():
        monkeypatch.setenv(f"DAREDEVIL_{name.upper()}", value)
    return Settings()


def test_the_recipe_names_the_classes_of_the_example(settings: Settings) -> None:
    for name, made in ((settings.stt, LoudnessSTT), (settings.tts, ToneTTS), (settings.llm, ParrotLLM)):
        assert name.split(",")[0] == f"{made.__module__}:{made.__name__}"


async def test_its_speech_to_text_hears(settings: Settings) -> None:
    engines = SpeechToText(settings.stt, settings.stt_options, settings.stt_timeout_s)
    heard = await engines.recognise(np.full(8_000, 1_000, np.int16).tobytes())
    assert (heard.text, heard.engine, heard.language, heard.confidence) == ("Hi.", settings.stt.split(",")[0], "en", 1)
    assert (await engines.recognise(bytes(16_000))).text == ""
    await engines.aclose()


async def test_its_text_to_speech_speaks(settings: Settings) -> None:
    voices = load_chain(settings.model_copy(update={"tts": settings.tts.split(",")[0]}))
    sounds = [part async for part in voices.synthesize("Hello there.") if isinstance(part, SynthesizedSound)]
    samples = np.concatenate([np.frombuffer(sound.pcm, "<i2") for sound in sounds])
    assert 0.5 < len(samples) / sounds[0].sample_rate_hz < 1.5
    assert np.abs(samples).max() > 5_000
    await voices.close()


async def test_its_language_model_answers(settings: Settings) -> None:
    model = chat_model(settings.llm, settings)
    said = [chunk.text async for chunk in model.astream([("user", "Hello there.")])]
    assert "".join(said) == "I heard: Hello there. "


def test_doctor_finds_nothing_wrong_with_them_but_an_option_that_none_takes(settings: Settings) -> None:
    assert engine_problems(settings) == []
    (problem,) = engine_problems(settings.model_copy(update={"tts_options": {"pitch": 100}}))
    assert (problem.subject, problem.state) == ("DAREDEVIL_TTS_OPTIONS", "missing")
    assert "pitch_hz, sample_rate" in problem.remedy


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("docs.examples.nosuch:ParrotLLM", "nosuch"),
        ("docs.examples.own_engines:NoSuch", "NoSuch"),
        ("docs.examples.own_engines:ToneTTS", "not a language model"),
    ],
)
def test_a_language_model_that_is_not_there_is_named(name: str, problem: str) -> None:
    with pytest.raises(LlmNotFound, match=problem):
        chat_model(name, Settings())


def test_doctor_misses_a_language_model_of_a_module_that_is_not_there() -> None:
    assert engine_finding("llm", "nosuch.module:Class", {}).detail == "there is no module nosuch.module"
