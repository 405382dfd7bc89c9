"""Engines by name, and which of the settings' options each of them is given."""

from typing import Any

import pytest
from livekit.agents import stt

from infra.bench.stub_engines import StubSTT
from infra.engines.plugins import (
    EngineMissing,
    UnknownOptions,
    check_options,
    engine_class,
    make_plugin,
    options_taken,
    parameters,
)
from infra.engines.stt import make_engine
from infra.engines.tts import load_chain
from infra.settings import Settings

HERE = "tests.infra.engines.test_plugins"
TAKES_LANGUAGE = f"{HERE}:TakesLanguage"
TAKES_ANYTHING = f"{HERE}:TakesAnything"
STUB = "infra.bench.stub_engines:StubSTT"


class TakesLanguage(StubSTT):
    """An engine with options."""

    def __init__(self, *, language: str = "en", rate_hz: int = 16_000) -> None:
        super().__init__()
        self.language, self.rate_hz = language, rate_hz


class TakesAnything(StubSTT):
    """An engine that does not tell its options."""

    def __init__(self, **options: object) -> None:
        super().__init__()
        self.options = options


def settings_with(chain: str, **options: object) -> Settings:
    return Settings(stt=chain, stt_options=options)


def test_each_engine_of_a_chain_is_given_only_the_options_it_takes() -> None:
    options: dict[str, Any] = {"language": "de", "model": "large"}
    made = make_engine(TAKES_LANGUAGE, options)
    assert isinstance(made, TakesLanguage)
    assert (made.language, made.rate_hz) == ("de", 16_000)
    assert isinstance(make_engine(STUB, options), StubSTT)
    anything = make_engine(TAKES_ANYTHING, options)
    assert isinstance(anything, TakesAnything)
    assert anything.options == options


def test_a_plugin_of_livekit_reports_its_options() -> None:
    silero = engine_class("silero.VAD", "VAD")
    assert options_taken(silero.load, {"min_speech_duration": 0.1, "language": "de"}) == {"min_speech_duration": 0.1}
    assert parameters(silero) == frozenset({"session", "opts"})


@pytest.mark.parametrize(
    ("chain", "remedy"),
    [
        ("local", "unset DAREDEVIL_STT_OPTIONS"),
        (f"{STUB},local", "unset DAREDEVIL_STT_OPTIONS"),
        (f"{TAKES_LANGUAGE},{STUB}", "the options are language, rate_hz"),
    ],
)
def test_an_option_that_no_engine_of_the_chain_takes_is_named(chain: str, remedy: str) -> None:
    with pytest.raises(UnknownOptions, match=r"DAREDEVIL_STT_OPTIONS: no engine of .* accepts langauge") as refused:
        check_options(settings_with(chain, langauge="de"), "STT")
    assert remedy in refused.value.remedy


@pytest.mark.parametrize("chain", [f"{TAKES_LANGUAGE},{STUB}", TAKES_ANYTHING, "nosuchplugin.STT,local"])
def test_an_option_that_one_engine_takes_or_may_take_is_not_refused(chain: str) -> None:
    check_options(settings_with(chain, language="de"), "STT")


def test_the_actors_do_not_start_with_an_option_that_no_engine_takes() -> None:
    from actors.transcript.engines import SpeechEngines

    with pytest.raises(UnknownOptions):
        SpeechEngines(settings_with(STUB, language="de"))


@pytest.mark.parametrize("name", ["nosuchplugin.STT", "nosuchmodule:Class", f"{HERE}:NoSuch", "silero.STT"])
def test_an_engine_that_is_not_installed_is_missing_with_what_to_do(name: str) -> None:
    with pytest.raises(EngineMissing, match="installed"):
        make_plugin(name, "STT", stt.STT, {})


def test_what_is_no_engine_of_its_kind_is_refused() -> None:
    with pytest.raises(EngineMissing, match="is not a text to speech engine"):
        load_chain(Settings(tts=STUB))
