"""Programs that are started as children: apart from the terminal's Ctrl-C, and never outliving their parent."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from infra.system.processes import alive, start_program
from tests.waiting import until

SAYS = (
    "import json, os, sys; print(json.dumps([os.getpgid(0), os.getpid(), os.nice(0), os.getsid(0), os.environ['A']]))"
)
PARENT = """
import asyncio, os, sys
from pathlib import Path
from infra.system.processes import start_program
async def main():
    child = await start_program((sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"),
                                os.environ, Path(sys.argv[1]))
    print(child.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


async def test_a_program_is_in_a_group_of_its_own_of_the_same_session_and_as_nice_as_it_should_be(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    program = await start_program((sys.executable, "-c", SAYS), {"A": "b"}, log, niceness=3)
    assert await program.wait() == 0, log.read_text()
    group, pid, niceness, session, variable = json.loads(log.read_text())
    assert (group, pid, session, variable) == (program.pid, program.pid, os.getsid(0), "b")
    assert niceness == min(19, os.nice(0) + 3)


async def test_a_program_that_does_not_exist_is_an_error_of_the_start(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        await start_program(("no-such-program",), os.environ, tmp_path / "log")


async def test_an_exit_code_and_a_signal_are_those_of_the_program(tmp_path: Path) -> None:
    program = await start_program((sys.executable, "-c", "raise SystemExit(7)"), os.environ, tmp_path / "log")
    assert await program.wait() == 7
    waiting = await start_program((sys.executable, "-c", "input()"), os.environ, tmp_path / "log")
    waiting.send(signal.SIGKILL)
    assert await waiting.wait() == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends children only on Linux")
async def test_a_program_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    root = str(Path(__file__).parents[3])
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, str(log)),
        env=os.environ | {"PYTHONPATH": root},
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    await until(lambda: "up" in log.read_text())
    parent.kill()
    await parent.wait()
    await until(lambda: not alive(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
