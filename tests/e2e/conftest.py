"""One whole system for a module of tests: embedded servers, real engines, every actor its own process."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from infra.settings import Settings
from infra.system.supervisor import Supervisor, running_system

DATA = Path(__file__).parent.parent / "data"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Supervisor]:
    """A running system of its own data directory and ports."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"), port=0, nats_url="", llm_url="")
    async with running_system(settings) as supervisor:
        yield supervisor
