"""A server whose log has several partitions."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from infra.log.nats_users import mappings
from infra.settings import settings
from tests.servers import NatsServer, running_nats

SESSIONS = {"VOICE_0": "s2", "VOICE_1": "s1", "VOICE_2": "s0", "VOICE_3": "s3"}
"""A session in each of four partitions."""


@asynccontextmanager
async def partitioned(folder: Path, monkeypatch: pytest.MonkeyPatch, partitions: int = 4) -> AsyncIterator[NatsServer]:
    """Run a server that maps facts to partitions; the settings point to it and want them."""
    async with running_nats(folder, more=mappings(partitions)) as server:
        monkeypatch.setenv("DAREDEVIL_NATS_URL", server.url)
        monkeypatch.setenv("DAREDEVIL_PARTITIONS", str(partitions))
        settings.cache_clear()
        yield server
    settings.cache_clear()
