"""Settings from files: `DAREDEVIL_ADMIN_KEY_FILE=/run/secrets/admin_key` sets `DAREDEVIL_ADMIN_KEY` to the file's text.

So secrets need not stand in the environment: orchestrators mount them as files. It works for every setting and for the
keys of providers (`OPENAI_API_KEY_FILE`), in the environment and in `.env`.
"""

from collections.abc import Collection, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

SUFFIX = "_FILE"
NO_SETTINGS = frozenset(("HELD_DIR", "PORT_FILE", "PROBES_DIR", "REQUIRE_ALL"))
"""Variables with our prefix that are for our own processes and for the tests."""

PROVIDER_KEY = "_API_KEY"
MOST_BYTES = 65_536
"""A file that is larger is none with a setting's value."""


@dataclass(frozen=True, slots=True)
class NamesFile:
    """A variable that names a file with a setting's value."""

    variable: str
    is_in_env_file: bool
    """It stands in `.env`, not in the environment."""


_found: dict[str, NamesFile] = {}
"""By the variable that has the value in the environment of this process now."""


def found_in(variable: str) -> NamesFile | None:
    """Return what named the file that a variable's value was read from; None if it was in no file."""
    return _found.get(variable)


def read_files(
    prefix: str,
    names: Collection[str],
    environment: MutableMapping[str, str],
    env_file: Mapping[str, str | None],
) -> list[str]:
    """Put the value of each file that a variable names into the environment, in place of that variable.

    `names` are the settings, in lower case. A variable of the environment counts before a line of `.env`. Return what
    is wrong, one line for each file, without what the files say.
    """
    problems = []
    for variable, path in {**env_file, **environment}.items():
        if not path or not (target := named_by_file(prefix, names, variable)):
            continue
        if variable not in environment and target in environment:
            continue
        if environment.get(target):
            problems.append(f"{target} and {variable} are both set: remove one of them")
            continue
        value, problem = _value_in(Path(path))
        if problem:
            problems.append(f"{variable}={path}: {problem}")
            continue
        environment[target] = value
        _found[target] = NamesFile(variable, variable not in environment)
        environment.pop(variable, None)
    return problems


def named_by_file(prefix: str, names: Collection[str], variable: str) -> str:
    """Return the variable whose value is in the file that `variable` names; empty if it is no such variable."""
    upper = variable.upper()
    target = upper.removesuffix(SUFFIX)
    if target == upper or upper.removeprefix(prefix) in NO_SETTINGS:
        return ""
    if not upper.startswith(prefix):
        return target if target.endswith(PROVIDER_KEY) else ""
    known = upper.removeprefix(prefix).lower() in names
    return target if not known and target.removeprefix(prefix).lower() in names else ""


def _value_in(path: Path) -> tuple[str, str]:
    """Return what a file says without the newline at its end, or what is wrong with it."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return "", "there is no such file"
    except OSError as error:
        return "", f"cannot be read ({error.strerror or error})"
    if len(content) > MOST_BYTES:
        return "", f"is larger than {MOST_BYTES} bytes: it is probably the wrong file"
    try:
        value = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        return "", "is not a text file"
    if not value.strip():
        return "", "is empty: write the value into it"
    if "\0" in value:
        return "", "is not a text file"
    return value, ""
