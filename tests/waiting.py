"""Waiting for a condition instead of for a time."""

import asyncio
from collections.abc import Awaitable, Callable


async def until(condition: Callable[[], object], within_s: float = 30, what: str = "") -> None:
    """Return once `condition()` holds. Raises AssertionError after `within_s`."""
    deadline = asyncio.get_running_loop().time() + within_s
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"not within {within_s} s: {what or condition}"
        await asyncio.sleep(0.01)


async def until_async(condition: Callable[[], Awaitable[object]], within_s: float = 30, what: str = "") -> None:
    """Return once `await condition()` holds. Raises AssertionError after `within_s`."""
    deadline = asyncio.get_running_loop().time() + within_s
    while not await condition():
        assert asyncio.get_running_loop().time() < deadline, f"not within {within_s} s: {what or condition}"
        await asyncio.sleep(0.02)
