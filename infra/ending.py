"""Ending tasks for sure."""

import asyncio
from typing import Any


async def ended(*tasks: "asyncio.Future[Any]") -> None:
    """Cancel tasks and wait for their ends; again, should one miss the cancellation."""
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=0.5)
