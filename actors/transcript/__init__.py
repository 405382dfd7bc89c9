"""The actor that hears: speech, its words, and the end of turns: `faststream run actors.transcript:app`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faststream import FastStream

    app: FastStream


def __getattr__(name: str) -> Any:
    """Make the app when it is asked for: its broker is not needed to import a part of it."""
    if name != "app":
        raise AttributeError(name)
    from actors.transcript.actor import make

    globals()["app"] = made = make()
    return made
