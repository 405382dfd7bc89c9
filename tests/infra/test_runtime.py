"""How processes find what runs on a data directory."""

import subprocess
import sys
from pathlib import Path

import pytest

from infra import runtime
from infra.runtime import NotRunning, Runtime, clear_runtime, read_runtime, running_nats_url, write_runtime


def running(pid: int) -> Runtime:
    return Runtime(supervisor_pid=pid, nats_url="nats://127.0.0.1:1", llm_url="http://x/v1", page_url="http://x/")


def test_what_was_written_is_read(tmp_path: Path) -> None:
    import os

    mine = running(os.getpid())
    write_runtime(tmp_path, mine)
    assert read_runtime(tmp_path) == mine
    assert running_nats_url(tmp_path) == mine.nats_url
    clear_runtime(tmp_path)
    assert read_runtime(tmp_path) is None
    clear_runtime(tmp_path)


def test_a_dead_supervisors_file_does_not_count(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    write_runtime(tmp_path, running(process.pid))
    assert read_runtime(tmp_path) is None


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", "{", '{"supervisor_pid": "x"}'])
def test_a_damaged_file_does_not_count(tmp_path: Path, content: str) -> None:
    path = runtime._path(tmp_path)
    path.parent.mkdir()
    path.write_text(content)
    assert read_runtime(tmp_path) is None


def test_where_nothing_runs_the_error_says_how_to_start_it(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match=r"make run.*DAREDEVIL_NATS_URL"):
        running_nats_url(tmp_path)
