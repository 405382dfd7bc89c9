"""The HTTP door: chat by text, sessions and what was said in them. `faststream run bridge.http:app` runs it alone."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faststream import FastStream

    app: FastStream


def __getattr__(name: str) -> Any:
    """Make the app when it is asked for: its broker is not needed to import a part of it."""
    if name != "app":
        raise AttributeError(name)
    from bridge.http.app import make

    globals()["app"] = made = make()
    return made
