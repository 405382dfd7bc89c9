"""How the agent behaves in one session: as its profile says, whatever the settings of the process that asks.

Several copies of an actor take part in a conversation, and a replay runs later and elsewhere: with their own settings
they would disagree. What belongs to a process stays its own: addresses, keys, limits of its machine.
"""

import json
import re
from collections.abc import Mapping
from typing import Literal

from contracts.profile import AgentProfile
from infra.settings import Settings
from infra.shares import chain_of, engine_names, shares_of

OPTIONS = ("llm_options", "stt_options", "tts_options")
"""Settings that are JSON objects, and texts in a profile."""

ENGINES = ("llm", "stt", "tts")
"""A profile that leaves one of these empty means the settings' engine."""

BEHAVIOUR = tuple(name for name in AgentProfile.model_fields if name in Settings.model_fields)
"""Fields of a profile that are settings, too."""

ASKING_PROCESS = frozenset({"record_audio"})
"""Settings that the process has to allow as well."""

Patience = Literal["", "quick", "balanced", "patient"]

_PRIVATE_NAME = re.compile(
    r"key$|secret|password|credential|auth|token$|bearer|cookie|header|cert|ssl|ur[il]$|host|endpoint|proxy|base$",
    re.IGNORECASE,
)


def profile_of(settings: Settings) -> AgentProfile:
    """Return the profile of sessions that are opened with these settings."""
    given = {name: getattr(settings, name) for name in BEHAVIOUR} | {"patience": patience_of(settings)}
    options = {name: _text(public_options(given[name])) for name in OPTIONS}
    return AgentProfile.model_validate(given | options)


def patience_of(settings: Settings) -> Patience:
    """Return how patiently sessions are heard that are opened with these settings, where those leave it open.

    Words can be scored where the local model answers. Where it does not, a patience would wait for its middle silence
    after all that is said, and the end-of-turn model knows better.
    """
    if settings.patience != "auto":
        return settings.patience
    return "quick" if settings.llm_url and "local" in engine_names(settings.llm) else ""


def in_share(settings: Settings, session_id: str) -> Settings:
    """Return the settings of one session where some name shares of sessions: with the engines that it gets."""
    chosen = {kind: chain_of(getattr(settings, kind), kind, session_id) for kind in ENGINES}
    return settings.model_copy(update=chosen)


def in_each_share(settings: Settings, kind: str) -> list[Settings]:
    """Return the settings of the sessions in each share of an engine's setting: `stt`, `llm` or `tts`."""
    return [settings.model_copy(update={kind: share.chain}) for share in shares_of(getattr(settings, kind))]


def in_session(settings: Settings, profile: AgentProfile | None) -> Settings:
    """Return the process's settings with the behaviour that a session was opened with.

    What its profile does not say (an older build opened it), and all of it while it is unknown, is as the settings say.
    """
    if profile is None:
        return settings if settings.patience != "auto" else settings.model_copy(update={"patience": ""})
    said = {name: value for name in BEHAVIOUR if (value := getattr(profile, name)) is not None}
    for name in ENGINES:
        if not said[name].strip(" ,"):
            del said[name]
    said.setdefault("patience", patience_of(settings))
    if "tts" not in said:
        said.pop("voice", None)
    for name in OPTIONS:
        if name in said:
            said[name] = private_options(getattr(settings, name)) | json.loads(said[name])
    for name in ASKING_PROCESS & said.keys():
        said[name] = said[name] and getattr(settings, name)
    return settings.model_copy(update=said)


def public_options(options: Mapping[str, object]) -> dict[str, object]:
    """Return the options without keys and addresses."""
    return {name: value for name, value in options.items() if not _is_private(name, value)}


def private_options(options: Mapping[str, object]) -> dict[str, object]:
    """Return the keys and addresses among the options."""
    return {name: value for name, value in options.items() if _is_private(name, value)}


def _is_private(name: str, value: object) -> bool:
    """Return whether an option is a key or an address, which are no part of a conversation, or contains one."""
    if _PRIVATE_NAME.search(name) or (isinstance(value, str) and "://" in value):
        return True
    if isinstance(value, Mapping):
        return any(_is_private(str(inner), part) for inner, part in value.items())
    return isinstance(value, list) and any(_is_private("", part) for part in value)


def _text(options: Mapping[str, object]) -> str:
    return json.dumps(options, sort_keys=True, ensure_ascii=False)
