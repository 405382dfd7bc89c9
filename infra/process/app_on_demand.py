"""A package's `app`, created on first access: importing a part of the package needs no broker and no engine."""

import importlib
import sys
from collections.abc import Callable
from typing import Any

from infra.cannot_run import ends_process


def app_made_in(package: str, module: str) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package whose app is created once, by `make()` in one of its modules.

    The app is accessed in order to run it: if it cannot run, the process ends with one line (`CannotRun`).
    """

    def look_up(name: str) -> Any:
        if name != "app":
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        with ends_process():
            made = importlib.import_module(f"{package}.{module}").make()
        # Also where the module is called `app`: importing it has put itself there.
        vars(sys.modules[package])["app"] = made
        return made

    return look_up
