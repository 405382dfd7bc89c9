"""uvicorn as a part of a process that has its own signals and its own end."""

import contextlib
from collections.abc import Iterator

import uvicorn


class UvicornServer(uvicorn.Server):
    """Serves until `should_exit` is set, and leaves signals to the app whose process it is in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield
