import os
import pwd
import signal
import subprocess
from pathlib import Path

import psycopg
import pytest

from infra.postgres_url import data_folder, embedded_url, running_url, socket_folder
from infra.settings import Settings
from tests.postgres_server import PostgresServer, running_postgres


def test_the_address_follows_from_the_data_directory_and_long_paths_have_their_socket_elsewhere(tmp_path: Path) -> None:
    assert embedded_url(Path("/d")) == "postgresql://postgres@/postgres?host=%2Fd%2Fpostgres"
    folder = data_folder(tmp_path / ("long" * 30))
    assert len(str(socket_folder(folder))) < 60


def test_the_settings_say_which_postgres_it_is() -> None:
    assert running_url(Settings(postgres_url="off")) == ""
    assert running_url(Settings(postgres_url="postgresql://there/db")) == "postgresql://there/db"
    assert running_url(Settings(postgres_url="", data_dir=Path("/d"))) == embedded_url(Path("/d"))


@pytest.mark.engines
def test_it_keeps_what_it_was_told_through_a_kill_and_never_runs_as_root() -> None:
    with running_postgres() as server:
        with psycopg.connect(server.url) as conn:
            conn.execute("CREATE EXTENSION vector")
            conn.execute("CREATE TABLE kept AS SELECT '[1,2]'::vector AS v")
        assert pwd.getpwuid(Path(f"/proc/{server.pid}").stat().st_uid).pw_uid != 0
        server.stop(signal.SIGKILL)
        server.start()
        with psycopg.connect(server.url) as conn:
            assert conn.execute("SELECT v::text FROM kept").fetchone() == ("[1,2]",)
        with psycopg.connect(server.url):  # somebody who stays does not keep it from ending
            assert server.stop(signal.SIGINT) == 0


@pytest.mark.engines
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can own a folder that others may not enter")
def test_root_may_keep_the_data_where_others_may_not_enter(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    server = PostgresServer(tmp_path)
    server.start()
    assert server.stop() == 0
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_is_no_cluster_ends_it_with_a_word(tmp_path: Path) -> None:
    folder = data_folder(tmp_path)
    folder.mkdir()
    (folder / "mine.txt").write_text("not yours")
    from infra.system.postgres import command

    ended = subprocess.run(command(folder), capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "ERROR   postgres: cannot be started" in ended.stderr
    assert (folder / "mine.txt").exists()
