"""Engines that seem to lack their key: whether they can be made without it, and what becomes of calls then."""

from dataclasses import replace

from infra.engines.plugins import EngineMissing, make_plugin
from infra.settings import Settings
from infra.system.doctor.finding import Finding

Found = list[tuple[str, Finding | None]]
"""The engines of a chain by name, each with what was found of it; None: nothing to tell."""

NOBODY = {"stt": "nobody hears callers", "llm": "nobody answers callers", "tts": "nobody speaks to callers"}
DOES = {"stt": "hears", "llm": "answers", "tts": "speaks"}


def instead(kind: str, chain: Found) -> Found:
    """Return what was found, and of an engine that may fail which other one then takes over. Pure."""
    usable = [name for name, finding in chain if finding is None or finding.state == "ok"]
    if not usable:
        return chain
    return [
        (name, finding)
        if finding is None or finding.state == "ok"
        else (name, replace(finding, detail=f"{finding.detail}; while it fails, {usable[0]} {DOES[kind]}"))
        for name, finding in chain
    ]


def tried(settings: Settings, kind: str, chain: Found) -> Found:
    """Return what was found of a chain in which no engine is known to be usable, now that each was made for real.

    Where none can be made, what was a warning is missing.
    """
    whys = {name: _refusal(settings, kind, name) for name, finding in chain if finding and finding.state == "warning"}
    if len(whys) < len(chain) or not all(whys.values()):
        return chain
    return [
        (name, replace(finding, state="missing", detail=f"{whys[name]}: {NOBODY[kind]}") if finding else None)
        for name, finding in chain
    ]


def _refusal(settings: Settings, kind: str, name: str) -> str:
    """Return why an engine cannot be made with these settings; empty if it can. Imports it, which takes seconds."""
    from infra.engines.llm import LlmNotFound, chat_model

    try:
        if kind == "llm":
            chat_model(name, settings)
        elif kind == "stt":
            from livekit.agents import stt

            make_plugin(name, "STT", stt.STT, settings.stt_options)
        else:
            from livekit.agents import tts

            make_plugin(name, "TTS", tts.TTS, settings.tts_options)
    except (LlmNotFound, EngineMissing) as error:
        return str(error).rstrip(".")
    return ""
