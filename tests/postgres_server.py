"""A real Postgres for tests: one server for all tests of a process, a database of its own for each.

Any test may use the fixtures `postgres_server` and `database`.
"""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from infra.postgres_url import data_folder, embedded_url
from infra.system.postgres import command

START_TIMEOUT_S = 60


class PostgresServer:
    """A server that a test may stop, kill, freeze and start again on the same data."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.url = embedded_url(data_dir)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        with (self.data_dir / "postgres.log").open("ab") as output:
            self._process = subprocess.Popen(command(data_folder(self.data_dir)), stdout=output, stderr=output)
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=5).close()
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, (self.data_dir / "postgres.log").read_text()
                assert self._process.poll() is None, (self.data_dir / "postgres.log").read_text()
                time.sleep(0.02)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        assert self._process is not None
        os.kill(self._process.pid, how)
        code = self._process.wait(20)
        self._process = None
        return code

    def url_of(self, database: str) -> str:
        return self.url.replace("/postgres?", f"/{database}?")

    def new_database(self, name: str) -> str:
        """Make an empty database and return its address."""
        with psycopg.connect(self.url, autocommit=True) as conn:
            conn.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url_of(name)

    def drop_database(self, name: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as conn:
            conn.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Run a server on a folder of its own with a short path; it ends with the block."""
    folder = Path(tempfile.mkdtemp(prefix="dd-pg-"))
    server = PostgresServer(folder)
    try:
        server.start()
        yield server
    finally:
        if server._process is not None:
            server.stop(signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running server, the same for all tests of a run."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of an empty database."""
    name = f"test_{secrets.token_hex(6)}"
    yield postgres_server.new_database(name)
    postgres_server.drop_database(name)
