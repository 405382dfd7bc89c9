"""One stack for all tests of this folder: it begins with the version before, as whoever upgrades has it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.stack.stack import PREVIOUS, Stack, logs_kept


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def stack(request: pytest.FixtureRequest) -> AsyncIterator[Stack]:
    """The profile `core`, of the version before until a test has upgraded it."""
    stack = Stack(image=PREVIOUS)
    await stack.down()
    try:
        await stack.up()
        yield stack
    finally:
        await logs_kept(stack, request.session.testsfailed)
        await stack.down()
