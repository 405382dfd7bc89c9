"""A package's `app`, made when it is asked for: importing a part of the package needs no broker and no engine."""

import importlib
import sys
from collections.abc import Callable
from typing import Any

from infra.cannot_run import ends_process


def app_made_in(package: str, module: str) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package whose app is made by `make()` in one of its modules, once.

    Whoever asks for the app is about to run it: if it cannot run, the process ends with one line (`CannotRun`).
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
