"""The tables of the log in Postgres: `faststream run projections.postgres:app`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faststream import FastStream

    app: FastStream


def __getattr__(name: str) -> Any:
    """Make the app when it is asked for: its broker is not needed to import a part of it."""
    if name != "app":
        raise AttributeError(name)
    from projections.postgres.actor import make

    globals()["app"] = made = make()
    return made
