"""Variables that look like settings but are none, with the setting that was probably meant."""

from collections.abc import Collection, Mapping
from difflib import SequenceMatcher
from pathlib import Path

from dotenv import dotenv_values

from infra.settings_files import NO_SETTINGS, SUFFIX, named_by_file

PROTECTING = (
    "AUTH",
    "AUTH_ISSUER",
    "AUTH_AUDIENCE",
    "AUTH_LEEWAY_S",
    "ADMIN_KEY",
    "TRUST_USER_IDS",
    "TRUSTED_PROXIES",
    "CORS_ORIGINS",
    "LIVEKIT_TOKEN_KEY",
    "RECORD_AUDIO",
    "RECORDING_RETENTION_DAYS",
    "LOG_RETENTION_DAYS",
)
"""Settings that protect access or data: a misspelt one would leave its owner believing to be safe."""


def unknown(
    prefix: str, names: Collection[str], environment: Mapping[str, str], env_file: Path
) -> list[tuple[str, str]]:
    """Return each variable with our prefix that is not a setting, with the most similar setting or an empty text."""
    known = [name.upper() for name in names]
    given = [*environment, *(dotenv_values(env_file) if env_file.is_file() else ())]
    found = []
    for variable in sorted({name for name in given if name.upper().startswith(prefix)}):
        name = variable.upper().removeprefix(prefix)
        if name not in known and name not in NO_SETTINGS and not named_by_file(prefix, names, variable):
            found.append((variable, _meant(name, known)))
    return found


def _meant(name: str, known: list[str]) -> str:
    """Return the setting that is most like a name, with `_FILE` if it is a file's; empty if none is."""
    like = _most_like(name, known)
    if like or not name.endswith(SUFFIX):
        return like
    like = _most_like(name.removesuffix(SUFFIX), known)
    return f"{like}{SUFFIX}" if like else ""


def _most_like(name: str, known: list[str]) -> str:
    """Return the setting with the fewest edits (a swap of two letters is one edit); empty if none is close."""
    from rapidfuzz.distance import OSA

    edits, _, like = min((OSA.distance(name, each), -SequenceMatcher(None, name, each).ratio(), each) for each in known)
    if edits <= max(1, len(name) // 4):
        return like
    # `AUTH_SECRET`: a sub-name of a setting without any.
    return next((each for each in PROTECTING if name.startswith(f"{each}_")), "")
