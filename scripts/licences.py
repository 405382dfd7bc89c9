"""Checks the licences of what is installed, and writes docs/licences.md: `licences.py [--check]`.

With `--check` nothing is written; it fails on a licence that is neither allowed here nor an exception with a reason.
"""

import json
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "licences.md"

ALLOWED = {
    *("0BSD", "Apache", "Apache-2.0", "Apache License v2.0", "Apache Software License", "BSD License", "BSD-2-Clause"),
    *("3-Clause BSD License", "BSD-3-Clause", "CC0-1.0", "CNRI-Python", "DFSG approved", "ISC License (ISCL)", "ISC"),
    *("MIT", "MIT License", "MIT-0", "MIT-CMU", "PSF-2.0", "Python Software Foundation License", "Unlicense", "Zlib"),
    # of files: changes to these files stay under it, and that is all
    *("MPL-2.0", "Mozilla Public License 2.0 (MPL 2.0)"),
}

EXCEPTIONS = {
    "axe-playwright-python": ("UNKNOWN", "MIT by its repository; only tests use it"),
    "livekit-local-inference": (
        "Apache Software License; Other/Proprietary License",
        "the end-of-turn model has LiveKit's own licence: free to use together with LiveKit Agents",
    ),
    "num2words": ("GNU Library or Lesser General Public License (LGPL)", "used as a library, unchanged"),
    "piper-tts": (
        "GPL-3.0-or-later",
        "the built-in voice. Whoever passes on an installation or image with it passes it on under the GPL's terms; "
        "without it, another engine speaks (`DAREDEVIL_TTS`)",
    ),
    "podman-compose": ("GPL-2.0-only", "a program that tests start; nothing that is passed on has it"),
    "psycopg": ("LGPL-3.0-only", "used as a library, unchanged"),
    "psycopg-binary": ("LGPL-3.0-only", "used as a library, unchanged"),
    "psycopg-pool": ("LGPL-3.0-only", "used as a library, unchanged"),
    "soxr": ("LGPL-2.1-or-later", "used as a library, unchanged"),
}
"""What else is used: the licence that it may have, and why that is right."""


def installed() -> list[tuple[str, str]]:
    """Return the installed packages with their licences."""
    command = [Path(sys.executable).with_name("pip-licenses"), "--format=json", "--with-system"]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout)
    rows = [(str(row["Name"]), _short(str(row["License"]))) for row in found if row["Name"] != "daredevil"]
    return sorted(rows, key=lambda row: row[0].lower())


def _short(licence: str) -> str:
    """Return the name of a licence that is given as a whole text."""
    return licence.partition("\n")[0].strip()


def is_allowed(licence: str) -> bool:
    """Return whether all parts of a licence are allowed, or one of several that one may choose from."""
    if " OR " in licence:
        return any(is_allowed(choice.strip(" ()")) for choice in licence.replace("AND (", "AND(").split(" OR "))
    parts = licence.replace("AND(", "AND ").replace(" AND ", ";").split(";")
    return licence in ALLOWED or all(part.strip() in ALLOWED or part.strip(" ()") in ALLOWED for part in parts)


def problems(packages: list[tuple[str, str]]) -> list[str]:
    """Return the packages whose licence nobody has agreed to."""
    return [
        f"{name}: {licence!r} is neither allowed nor an exception in scripts/licences.py"
        for name, licence in packages
        if not is_allowed(licence) and EXCEPTIONS.get(name, ("",))[0] != licence
    ]


def page(packages: list[tuple[str, str]]) -> str:
    """Return docs/licences.md."""
    exceptions = "\n".join(f"| {name} | {licence} | {why} |" for name, (licence, why) in EXCEPTIONS.items())
    rows = "\n".join(f"| {name} | {licence} |" for name, licence in packages)
    return f"""# Licences

Daredevil is under the Apache License 2.0. `make scan` checks the licences of what it uses and writes this page. Most
are permissive; these are not, or not only:

| package | licence | why it is used |
|---|---|---|
{exceptions}

## All packages

Those of tests and tools included; which version is in the lock files, and the licence's text in each package.

| package | licence |
|---|---|
{rows}
"""


def main() -> None:
    """Check, and write the page."""
    packages = installed()
    if found := problems(packages):
        sys.exit("\n".join(found))
    if "--check" not in sys.argv:
        PAGE.write_text(page(packages))
    print(f"licences: {len(packages)} packages, {len(EXCEPTIONS)} exceptions with a reason")


if __name__ == "__main__":
    main()
