"""Commands of `daredevil` within a test's process: starting another takes a second of CPU."""

import asyncio

from typer.testing import CliRunner

from infra.cli.app import app


def cli(*arguments: str, answer: str = "") -> tuple[int, str, str]:
    """Run a command, with `answer` on its standard input; return its exit code, output and errors."""
    result = CliRunner().invoke(app, list(arguments), input=answer)
    return result.exit_code, result.stdout, result.stderr


async def cli_beside(*arguments: str, answer: str = "") -> tuple[int, str, str]:
    """The same for a command with an event loop of its own: in a thread, while the test's loop goes on."""
    return await asyncio.to_thread(cli, *arguments, answer=answer)
