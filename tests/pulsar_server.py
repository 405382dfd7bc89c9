"""A real Pulsar for tests: one for all of a run, on free ports and a temporary folder, ended by who started it."""

import asyncio
import signal
from collections.abc import Iterator

import pytest

from infra.system.pulsar import PulsarMissing, PulsarServer, check_installed
from projections.pulsar.admin import AdminApi
from projections.pulsar.routing import PRODUCERS


@pytest.fixture(scope="session")
def pulsar_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PulsarServer]:
    """A running broker, the same for all tests of a run."""
    try:
        check_installed()
    except PulsarMissing as problem:
        pytest.skip(str(problem))
    server = PulsarServer(tmp_path_factory.mktemp("pulsar"))
    server.begin()
    try:
        asyncio.run(server.ready())
        yield server
    finally:
        server.end(signal.SIGKILL)


def delete_topics(server: PulsarServer) -> None:
    """Delete the projection's topics."""
    admin = AdminApi(server.admin_url)
    for topic in PRODUCERS:
        admin.delete(f"/persistent/{topic.removeprefix('persistent://')}?force=true")
