"""What the doctor reports, and what its checks share."""

import importlib.util
from dataclasses import asdict, dataclass
from typing import Literal

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


def installed(module: str) -> bool:
    """Return whether a module can be imported, without importing it."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False
