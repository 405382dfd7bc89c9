"""An object store for backups."""

from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest

from infra.system.nats import free_port


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty bucket."""
    # Each process that runs tests would import it with this module, though one needs it.
    from moto.server import ThreadedMotoServer

    port = free_port()
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    endpoint = f"http://127.0.0.1:{port}"
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    name = f"backups-{port}"  # in one process, moto keeps what earlier servers had
    # With the first request moto imports what it simulates.
    with urlopen(Request(f"{endpoint}/{name}", method="PUT"), timeout=60):
        pass
    yield f"s3://{name}/here"
    server.stop()
