"""Ctrl-C while `daredevil run` starts, at any moment: one line, an exit code, and nothing goes on running."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from infra.system.lock import lock_data_dir
from infra.system.processes import alive
from tests.infra.system.test_supervisor import until

pytestmark = pytest.mark.slow

MOMENT_S = 60
"""By when the moment must have come: a library that is not imported any more would never be."""

SETTINGS = {"DAREDEVIL_PORT": "0", "DAREDEVIL_POSTGRES_URL": "off", "DAREDEVIL_TRANSCRIPT_SPARE": "off"}


@pytest.fixture(autouse=True)
def heeds_ctrl_c() -> Iterator[None]:
    """Where a shell has started the tests in the background, it is ignored, and by what they start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def has_imported(library: str) -> Callable[[int, str], bool]:
    """A moment in the middle of the imports: the process has just mapped a library."""
    return lambda pid, _: library in Path(f"/proc/{pid}/maps").read_text()


def has_said(words: str) -> Callable[[int, str], bool]:
    return lambda _, output: words in output


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc for the moment")
@pytest.mark.parametrize(
    ("moment", "is_there"),
    [
        ("imports of the settings", has_imported("_pydantic_core")),
        pytest.param("imports of the supervisor", has_imported("uvloop/loop"), marks=pytest.mark.nightly),
        pytest.param("imports while the event loop runs", has_imported("_rust_notify"), marks=pytest.mark.nightly),
        ("the fork server starts", lambda pid, _: bool(psutil.Process(pid).children())),
        pytest.param("NATS is ready", has_said("NATS is ready"), marks=pytest.mark.nightly),
        ("actors start", has_said("starting llm")),
    ],
)
async def test_ctrl_c_while_starting(moment: str, is_there: Callable[[int, str], bool], tmp_path: Path) -> None:
    output = tmp_path / "terminal.log"
    ours = {name: value for name, value in os.environ.items() if not name.startswith("DAREDEVIL_")}
    with output.open("wb") as terminal:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "infra.cli", "run"),
            env={**ours, **SETTINGS, "DAREDEVIL_DATA_DIR": str(tmp_path / "data")},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=terminal,
            stderr=terminal,
        )
    try:
        async with asyncio.timeout(MOMENT_S):
            while not is_there(process.pid, output.read_text()):
                assert process.returncode is None, output.read_text()
                await asyncio.sleep(0.002)
        started = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
        before = output.read_text().splitlines()
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 60) == 130, output.read_text()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = output.read_text()
    assert "Traceback" not in text
    said = [line for line in text.splitlines()[len(before) :] if "is ready" not in line and "starting" not in line]
    assert said in (["interrupted"], ["stopping (Ctrl-C again kills the processes)"]), f"{moment}: {text}"
    await until(lambda: not any(alive(pid) for pid in started))
    lock_data_dir(tmp_path / "data").release()
