"""A signal that ends a command, at any moment: one line, an exit code, and nothing goes on running."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from faststream.nats import NatsBroker

from contracts import events as e
from infra.log.event_log import append
from infra.system.lock import lock_data_dir
from infra.system.processes import alive
from tests.infra.system.test_supervisor import until
from tests.servers import NatsServer

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


ENDED = [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]


async def started(*command: str, url: str = "") -> asyncio.subprocess.Process:
    """Start a command whose standard input gives nothing, and does not end."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("DAREDEVIL_")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.cli", *command),
        env={**ours, "PYTHONPATH": str(Path(__file__).parents[3]), **({"DAREDEVIL_NATS_URL": url} if url else {})},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def what_it_says(process: asyncio.subprocess.Process) -> str:
    """Return what an ended command has told, once it has ended."""
    assert process.stderr is not None
    told, _ = await asyncio.wait_for(asyncio.gather(process.stderr.read(), process.wait()), 60)
    return told.decode()


@pytest.mark.parametrize(("number", "code", "word"), ENDED)
async def test_a_signal_ends_a_command_that_reads_the_log(
    broker: NatsBroker, nats_server: NatsServer, number: signal.Signals, code: int, word: str
) -> None:
    await append(broker, e.SessionClosed(event_id="c", session_id="s-1", time_ns=1, reason="hangup"))
    process = await started("events", "s-1", "--follow", "--json", url=nats_server.url)
    assert process.stdout is not None
    assert b"SessionClosed" in await asyncio.wait_for(process.stdout.readline(), 60)
    process.send_signal(number)
    assert (await what_it_says(process), process.returncode) == (f"{word}\n", code)


@pytest.mark.parametrize(("number", "code", "word"), ENDED)
async def test_a_signal_ends_a_command_that_waits_for_a_line(number: signal.Signals, code: int, word: str) -> None:
    process = await started("chat", "--url", "http://127.0.0.1:9/")
    # Its thread waits for the line.
    await until(lambda: len(psutil.Process(process.pid).threads()) > 1)
    process.send_signal(number)
    assert (await what_it_says(process), process.returncode) == (f"{word}\n", code)
