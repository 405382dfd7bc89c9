"""An event loop in which time moves only when a test says so."""

from collections.abc import Iterator

import pytest

from infra.process.virtual_loop import VirtualLoop

START_S = 100.0
"""Its time when a test begins: not 0, for what counts from 0 is wrong."""


@pytest.fixture
def virtual_loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop(at_s=START_S)
    yield loop
    if not loop.is_closed():
        loop.end()
