"""What a system's processes have of the CPU: those that a supervisor has noted, or one that runs alone."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.process.cgroup import CpuGroup
from infra.process.system_cpu import CpuUse, SystemCpu

BURNING = "import os, time\nif os.fork() == 0: time.sleep(60)\nwhile True: pass"


@contextmanager
def burning() -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", BURNING], start_new_session=True) as process:
        try:
            yield process.pid
        finally:
            os.killpg(process.pid, 9)


def first_use(cpu: SystemCpu) -> CpuUse:
    """Return the first use that is more than nothing."""
    assert cpu.use(0.0) is None
    second = 0
    while True:
        second += 1
        used = cpu.use(float(second))
        assert used is not None
        if used.cores:
            return used


def test_it_is_what_the_noted_ones_and_the_jobs_of_rooms_use(tmp_path: Path) -> None:
    with burning() as pid:
        (tmp_path / "run").mkdir()
        noted = {"pids": {"bridge-livekit": pid, "gone": 2**22 - 1}}
        (tmp_path / "run" / "processes.json").write_text(json.dumps(noted))
        assert 0 <= first_use(SystemCpu(tmp_path, families=("bridge-livekit",))).waited < 1


def test_a_process_that_runs_alone_has_its_own_and_its_childrens(tmp_path: Path) -> None:
    with burning() as pid:
        assert 0 <= first_use(SystemCpu(tmp_path, alone=pid)).waited < 1


def test_where_a_group_is_limited_all_that_it_uses_counts(tmp_path: Path) -> None:
    usage = tmp_path / "cpuacct.usage"
    usage.write_text("1000000000")
    cpu = SystemCpu(tmp_path, group=CpuGroup(0.5, usage))
    assert cpu.use(0.0) is None
    usage.write_text("1900000000")
    used = cpu.use(2.0)
    assert used is not None
    assert used.cores == pytest.approx(0.45)
