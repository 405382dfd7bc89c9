"""One stack for all tests of this folder: it begins with the version before, as whoever upgrades has it."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.stack.stack import PREVIOUS, Stack


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def stack(request: pytest.FixtureRequest) -> AsyncIterator[Stack]:
    """The profile `core`, of the version before until a test has upgraded it."""
    stack = Stack(image=PREVIOUS)
    await stack.down()
    try:
        await stack.up()
        yield stack
    finally:
        failed = request.session.testsfailed
        if folder := os.environ.get("STACK_LOGS", ".daredevil/stack-logs" if failed else ""):
            os.makedirs(folder, exist_ok=True)
            await stack.save_logs(Path(folder))
        await stack.down()
