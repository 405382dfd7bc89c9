"""Where a setting was given, so that advice about it names what there is to remove."""

import os
from pathlib import Path

from infra.settings import ENV_PREFIX
from infra.settings_files import found_in


def how_to_unset(name: str) -> str:
    """Return what to do so that a setting, named in lower case, has its default again.

    It is in the environment or in `.env`, by itself or in a file that a variable with `_FILE` names.
    """
    variable = f"{ENV_PREFIX}{name.upper()}"
    by_file = found_in(variable)
    if by_file is not None:
        return _removed(by_file.variable, by_file.is_in_env_file)
    return _removed(variable, variable not in os.environ and Path(".env").is_file())


def _removed(variable: str, is_in_env_file: bool) -> str:
    return f"remove {variable} from .env" if is_in_env_file else f"unset {variable}"
