"""Output that cannot be written: one line and an exit code, whatever the command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NO_ROOM = "error: standard output cannot be written: No space left on device\n"

PRINTS = """
from infra.cli.standard_streams import written_or_reported
with written_or_reported():
    {}
"""
FROM_TASKS = """
    import asyncio
    async def say():
        print("a" * 100_000)
    async def both():
        async with asyncio.TaskGroup() as group:
            group.create_task(say())
            group.create_task(say())
    asyncio.run(both())
"""
MAIN = "from infra.cli import main; main()"

needs_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has a device that is always full")


def shell(line: str, program: str) -> tuple[int, str, str]:
    """Run a shell line in which `$RUN` is a program; return its exit code and both outputs."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PROGRAM": program}
    line = line.replace("$RUN", f'{sys.executable} -c "$PROGRAM"')
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@needs_full
@pytest.mark.parametrize(
    "code",
    [
        "print('a')",
        "print('a' * 100_000)",
        "print('a', flush=True); raise SystemExit(0)",
        "from rich.console import Console; Console().print('a')",
        FROM_TASKS.strip(),
    ],
)
def test_no_room_for_the_output_is_one_line_and_a_failure(code: str) -> None:
    assert shell("$RUN > /dev/full", PRINTS.format(code)) == (1, "", NO_ROOM)


@pytest.mark.parametrize("code", ["[print(n) for n in range(100_000)]", FROM_TASKS.strip()])
def test_a_reader_that_has_enough_ends_it_without_a_word(code: str) -> None:
    status, shown, told = shell("$RUN | head -c 2", PRINTS.format(code))
    assert (status, len(shown), told) == (141, 2, "")


def test_closed_output_is_said_and_not_the_next_file_that_is_opened(tmp_path: Path) -> None:
    code = f"f = open({str(tmp_path / 'f')!r}, 'w'); print('a'); f.write('b')"
    status, _, told = shell("$RUN >&-", PRINTS.format(code))
    assert (status, told) == (1, "error: standard output cannot be written: Bad file descriptor\n")
    assert (tmp_path / "f").read_text() == ""


@needs_full
def test_errors_that_nobody_can_read_change_nothing() -> None:
    code = "import sys; sys.stderr.write('a'); sys.stderr.flush(); print('b')"
    assert shell("$RUN 2> /dev/full", PRINTS.format(code)) == (0, "b\n", "")


def test_what_a_command_prints_and_its_exit_code_are_as_they_were() -> None:
    assert shell("$RUN", PRINTS.format("print('é'); raise SystemExit(3)")) == (3, "é\n", "")


@needs_full
def test_a_command_whose_output_has_no_room_says_so() -> None:
    assert shell("$RUN > /dev/full", "import sys; sys.argv = ['daredevil', '--help']\n" + MAIN) == (1, "", NO_ROOM)
