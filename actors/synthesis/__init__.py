"""The actor that turns written clauses into sound: `faststream run actors.synthesis:app`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faststream import FastStream

    app: FastStream


def __getattr__(name: str) -> Any:
    """Make the app when it is asked for: its engines and its broker are not needed to import a part of it."""
    if name != "app":
        raise AttributeError(name)
    from actors.synthesis.actor import make

    globals()["app"] = made = make()
    return made
