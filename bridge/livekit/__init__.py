"""The LiveKit door: people in rooms of a LiveKit server talk with the agent. `faststream run bridge.livekit:app`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faststream import FastStream

    app: FastStream


def __getattr__(name: str) -> Any:
    """Make the app when it is asked for: the worker is not needed to import a part of it, and job processes do."""
    if name != "app":
        raise AttributeError(name)
    from bridge.livekit.app import make

    globals()["app"] = made = make()
    return made
