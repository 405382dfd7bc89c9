"""Whether a start gets on: it may take as long as it likes while one step follows another."""

import asyncio
from typing import Any


class Progress:
    """Waits for an end as long as no step is later than `patience_s` after the one before; pure but for the clock."""

    def __init__(self, patience_s: float) -> None:
        self.patience_s = patience_s
        self._stepped_s = 0.0

    def step(self) -> None:
        """Note a step."""
        self._stepped_s = asyncio.get_running_loop().time()

    async def until_one_ends(self, *ends: "asyncio.Future[Any]") -> bool:
        """Return True when one of the futures has ended, False when no step has come in time."""
        self.step()
        loop = asyncio.get_running_loop()
        while (left_s := self._stepped_s + self.patience_s - loop.time()) > 0:
            done, _ = await asyncio.wait(ends, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            if done:
                return True
        return False
