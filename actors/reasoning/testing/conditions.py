"""Waiting until something holds in a conversation."""

import asyncio
from collections.abc import Callable


class Conditions:
    """Those that somebody waits for; `check` has to be called whenever one may have come true."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    async def come_true(self, holds: Callable[[], bool]) -> None:
        """Return when `holds` does."""
        if not holds():
            come = asyncio.get_running_loop().create_future()
            self._waiting.append((holds, come))
            await come

    def check(self) -> None:
        """Let those go on whose condition holds now."""
        waiting, self._waiting = self._waiting, []
        for holds, come in waiting:
            if come.done():
                continue
            if holds():
                come.set_result(None)
            else:
                self._waiting.append((holds, come))
