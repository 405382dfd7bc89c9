"""`daredevil chat`: a conversation by text in the terminal."""

import asyncio
import io
import json
import select
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from infra.cli.agents import (
    AgentFiles,
    AgentOption,
    UserOption,
    VariableOptions,
    check_files,
    check_wish,
    key_for,
    wished,
)
from infra.cli.output import BAD_INPUT, FAILED, err, fail, out, progress, run_async, warn
from infra.process.tasks import ended

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from infra.caller.chat import ChatClient, ChatEvent

OVER = "the conversation has ended: the agent has ended it, or nothing was said for too long"
NOTHING_TO_SAY = "standard input is empty: type in a terminal, or give lines: `echo Hello. | daredevil chat`"
MOST_SHOWN = 300
"""Characters shown of a tool's arguments and result; `daredevil events SESSION` shows all of them."""


def chat(
    files: AgentFiles = None,
    agent: AgentOption = "",
    variables: VariableOptions = None,
    user: UserOption = "caller",
    session: Annotated[str, typer.Option(help="Continue this conversation, if it is still open.")] = "",
    resume_token: Annotated[
        str, typer.Option(help="The secret of that session; for the system here, by default DAREDEVIL_ADMIN_KEY.")
    ] = "",
    token: Annotated[str, typer.Option(help="Your JWT, if DAREDEVIL_AUTH is set.")] = "",
    url: Annotated[
        str | None, typer.Option(help="Address of the page (`http://host:port`); by default the one running here.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each event of the answers as a JSON object.")] = False,
) -> None:
    """Talk to the agent by text: answers appear as they are written, with the tools they use.

    One line is one turn. Ctrl-C stops an answer; Ctrl-D, or Ctrl-C at the prompt, ends the conversation. Lines can also
    come from a file or a pipe. If nothing is running here, the system is started for this conversation and stopped
    after it.

    For example:

      daredevil chat

      daredevil chat booking.py --variable restaurant=Sole

      echo "What time is it in Tokyo?" | daredevil chat

      daredevil chat --json < questions.txt | jq -r 'select(.name == "done").text'
    """
    from infra.cli.system import page_with

    check_files(files, url)
    opening: dict[str, Any] = {"user_id": user} | wished(agent, variables)
    if not session:
        check_wish(opening, files, url)
    if _is_empty(sys.stdin):
        fail(NOTHING_TO_SAY, BAD_INPUT)
    system = page_with(url, files or [])
    if code := run_async(_chat(system, opening, (session, resume_token), key_for(token, url), as_json)):
        raise typer.Exit(code)


async def _chat(
    system: "AbstractAsyncContextManager[str]",
    opening: dict[str, Any],
    session: tuple[str, str],
    token: str,
    as_json: bool,
) -> int:
    """Hold the conversation; return the exit code. Raises what starting a system raises."""
    import httpx

    from infra.caller.chat import ChatClient

    async with system as page, httpx.AsyncClient() as http:
        session_id, resume_token = session
        client = ChatClient(http, page, opening, token=token, session_id=session_id, resume_token=resume_token)
        try:
            return await _converse(client, as_json)
        finally:
            await client.hang_up()
            if client.session_id:
                progress(f"session {client.session_id}: `daredevil events {client.session_id}` shows its facts")


async def _converse(client: "ChatClient", as_json: bool) -> int:
    from infra.caller.chat import ChatFailed

    answer = _Json() if as_json else _Shown()
    async with aclosing(_lines()) as lines:
        async for line in lines:
            try:
                await _answered(client, line, answer)
            except ChatFailed as failure:
                answer.end()
                warn(OVER if failure.code == "session-closed" else str(failure))
                if not sys.stdin.isatty() or failure.code in _OVER:
                    return FAILED
    return 0


async def _answered(client: "ChatClient", line: str, answer: "_Shown | _Json") -> None:
    """Show the answer to a line; Ctrl-C stops it, and the conversation goes on. Raises ChatFailed."""

    async def follow() -> None:
        async with aclosing(client.say(line)) as events:
            async for event in events:
                answer.take(event)

    loop, following = asyncio.get_running_loop(), asyncio.create_task(follow(), name="answer")
    is_stopped = False

    def stop() -> None:
        nonlocal is_stopped
        is_stopped = True
        following.cancel()

    if sys.stdin.isatty():
        loop.add_signal_handler(signal.SIGINT, stop)
    try:
        await following
    except asyncio.CancelledError:
        if not is_stopped:
            await ended(following)
            raise
        answer.end()
        progress("(stopped)")
    finally:
        if sys.stdin.isatty():
            loop.remove_signal_handler(signal.SIGINT)


_OVER = (
    "session-closed",
    "session-unknown",
    "resume-refused",
    "other-door",
    "unauthorized",
    "unknown-agent",
    "missing-variable",
)
"""Problems after which no turn of this conversation can be answered."""


async def _lines() -> AsyncGenerator[str, None]:
    """Yield what is written, line by line, until its end; empty lines are left out."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # what is no UTF-8 cannot be sent
    read = _prompt() if sys.stdin.isatty() else _piped
    while (line := await read()) is not None:
        if line.strip():
            yield line.strip()


def _is_empty(given: TextIO) -> bool:
    """Return whether nothing will come from standard input, as from /dev/null, without waiting for it."""
    try:
        if given.isatty() or not select.select([given], [], [], 0)[0]:
            return False
        return not given.buffer.peek(1)  # type: ignore[attr-defined]
    except (OSError, ValueError, AttributeError):  # it cannot be looked into
        return False


async def _piped() -> str | None:
    return await asyncio.to_thread(sys.stdin.readline) or None


def _prompt() -> "Callable[[], Awaitable[str | None]]":
    from prompt_toolkit import PromptSession

    prompt: PromptSession[str] = PromptSession()

    async def typed() -> str | None:
        try:
            return await prompt.prompt_async("you> ")
        except (EOFError, KeyboardInterrupt):
            return None

    return typed


class _Json:
    """Prints each event as a JSON object."""

    def take(self, event: "ChatEvent") -> None:
        """Print an event."""
        typer.echo(json.dumps({"name": event.name} | event.data, ensure_ascii=False))

    def end(self) -> None:
        """Do nothing: each event is a line of its own."""


class _Shown:
    """Prints an answer as it is written, and the tools that it uses on lines of their own."""

    def __init__(self) -> None:
        self._shown = ""

    def take(self, event: "ChatEvent") -> None:
        """Print what an event adds."""
        data = event.data
        match event.name:
            case "token":
                self._write(data["text"])
            case "reset":
                self._reset(data["text"])
            case "tool-started":
                self._tell(f"{data['tool']} {_cut(data['arguments'])}")
            case "tool-ended":
                told = f"error: {data['error']}" if data["error"] else data["result"]
                self._tell(f"{data['tool']} → {_cut(told)} ({data['elapsed_ms']:.0f} ms)")
            case "done":
                self.end()
                if data.get("finish") == "failed":
                    self._tell(f"no model answered: `daredevil events {data['session_id']}` says why")

    def end(self) -> None:
        """End the line of the answer, if one was begun."""
        if self._shown:
            typer.echo()
        self._shown = ""

    def _write(self, text: str) -> None:
        if not self._shown:
            out().print("[bold]agent>[/] ", end="")
            text = text.lstrip()
        self._shown += text
        typer.echo(text, nl=False)

    def _reset(self, text: str) -> None:
        """Go on from what is shown; an answer that was rewritten is printed again."""
        shown = self._shown
        if text.strip().startswith(shown):
            self._write(text.strip()[len(shown) :])
            return
        self.end()
        self._write(text)

    def _tell(self, line: str) -> None:
        self.end()
        err().print(f"  {line}", style="dim", markup=False)


def _cut(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= MOST_SHOWN else f"{one_line[:MOST_SHOWN]}…"
