import socket
from pathlib import Path

import pytest

from infra.doctor import Finding, engine_finding, examine
from infra.settings import Settings
from tests.servers import NatsServer


async def found(settings: Settings) -> dict[str, Finding]:
    return {finding.subject: finding for finding in await examine(settings)}


def some_settings(tmp_path: Path, **values: object) -> Settings:
    return Settings(**{"data_dir": tmp_path, "port": 0, "nats_url": "", **values})  # type: ignore[arg-type]


async def test_what_the_default_install_needs_is_there(tmp_path: Path) -> None:
    findings = await found(some_settings(tmp_path))
    assert [finding for finding in findings.values() if finding.state == "missing"] == []
    assert "speech to text (Moonshine)" in findings


async def test_models_of_engines_that_are_not_used_are_not_asked_for(tmp_path: Path) -> None:
    findings = await found(some_settings(tmp_path, llm="openai:gpt-5", tts="local"))
    assert "language model (SmolLM2)" not in findings
    assert "voice (joe)" in findings


async def test_a_port_in_use_is_missing(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        page = (await found(some_settings(tmp_path, port=taken.getsockname()[1])))["page"]
    assert page.state == "missing"
    assert "DAREDEVIL_PORT" in page.remedy


async def test_a_data_directory_that_is_a_file_is_missing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    findings = await found(some_settings(tmp_path, data_dir=tmp_path / "file" / "data"))
    assert findings["data directory"].state == "missing"


async def test_an_external_nats_is_asked_whether_it_keeps_facts(nats_server: NatsServer, tmp_path: Path) -> None:
    settings = some_settings(tmp_path, nats_url=nats_server.url)
    assert (await found(settings))["external NATS"].state == "ok"
    await nats_server.stop()
    away = (await found(settings))["external NATS"]
    assert away.state == "missing"
    assert "DAREDEVIL_NATS_URL" in away.remedy


def test_an_engine_that_is_not_installed_says_how_to_get_it() -> None:
    finding = engine_finding("stt", "nosuchplugin.STT", {})
    assert finding.state == "missing"
    assert finding.remedy == "`uv pip install livekit-plugins-nosuchplugin`"


def test_an_engine_without_its_key_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    finding = engine_finding("llm", "openai:gpt-5", {})
    assert (finding.state, "OPENAI_API_KEY" in finding.remedy) == ("warning", True)
    assert engine_finding("llm", "openai:gpt-5", {"api_key": "x"}).state == "ok"
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    assert engine_finding("llm", "openai:gpt-5", {}).state == "ok"


def test_a_name_that_is_no_engine_is_missing() -> None:
    assert engine_finding("llm", "gpt", {}).state == "missing"
