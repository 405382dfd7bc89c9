"""`daredevil console`: a call with this machine's own microphone and loudspeaker."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

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
from infra.cli.output import FAILED, fail, out, progress, run_async

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from rich.console import RenderableType

    from infra.caller.devices import DevicesWanted

BAR = 12
"""Characters of a level."""
FLOOR_DB = 60.0
"""A level of -60 dB of full scale is an empty bar, 0 dB a full one."""


def console(
    files: AgentFiles = None,
    agent: AgentOption = "",
    variables: VariableOptions = None,
    user: UserOption = "caller",
    token: Annotated[str, typer.Option(help="Your JWT, if DAREDEVIL_AUTH is set.")] = "",
    url: Annotated[
        str | None, typer.Option(help="The door (`ws://host:port/ws`); by default the one running here.")
    ] = None,
    microphone: Annotated[str, typer.Option(help="The microphone: its number, or a part of its name.")] = "",
    loudspeaker: Annotated[str, typer.Option(help="The loudspeaker: its number, or a part of its name.")] = "",
    headphones: Annotated[
        bool, typer.Option("--headphones", help="Do not take the agent's voice out of what the microphone hears.")
    ] = False,
    list_devices: Annotated[bool, typer.Option("--list-devices", help="Print the sound devices, and exit.")] = False,
) -> None:
    """Talk to the agent with this machine's microphone and loudspeaker, until Ctrl-C.

    Shows both levels, what is understood while you speak, what was heard of each answer, and the response gap of each
    turn. If nothing is running here, the system is started for this call and stopped after it.

    For example:

      daredevil console

      daredevil console booking.py

      daredevil console --list-devices

      daredevil console --microphone USB --headphones
    """
    from infra.caller.devices import DevicesFailed, DevicesWanted, device_list
    from infra.caller.talk import CallFailed
    from infra.cli.system import page_with

    try:
        if list_devices:
            typer.echo(device_list())
            return
        device_list()  # before a system is started for nothing
        check_files(files, url)
        key = key_for(token, url)
        hello = {"user_id": user, "name": user} | wished(agent, variables) | ({"token": key} if key else {})
        check_wish(hello, files, url)
        devices = DevicesWanted(_device(microphone), _device(loudspeaker), not headphones)
        run_async(_call(page_with(url, files or []), hello, devices))
    except DevicesFailed as error:
        fail(str(error), FAILED)
    except CallFailed as failure:
        fail(str(failure), FAILED)


def _device(name: str) -> int | str | None:
    return int(name) if name.isdecimal() else name or None


async def _call(system: "AbstractAsyncContextManager[str]", hello: dict[str, Any], wanted: "DevicesWanted") -> None:
    """Hold the call. Raises CallFailed, DevicesFailed, and what starting a system raises."""
    import asyncio
    import signal

    from rich.live import Live

    from infra.caller.devices import open_devices
    from infra.caller.live_call import hold_call

    async with system as page:
        loop, hang_up = asyncio.get_running_loop(), asyncio.Event()
        shown = CallShown()
        loop.add_signal_handler(signal.SIGINT, hang_up.set)
        try:
            with (
                open_devices(wanted) as devices,
                Live(shown, console=out(), refresh_per_second=12, transient=True) as live,
            ):

                def fact(name: str, data: dict[str, Any]) -> None:
                    for line in shown.take(name, data):
                        live.console.print(line)

                progress("speak; Ctrl-C hangs up")
                session_id = await hold_call(page, devices, hello, fact, shown.levels, hang_up)
        finally:
            loop.remove_signal_handler(signal.SIGINT)
        progress(f"session {session_id}: `daredevil turns {session_id}` shows where the time of each turn went")


@dataclass(slots=True)
class CallShown:
    """What the terminal shows of a call: lines of what is over, and one line of what goes on."""

    _microphone: float = 0.0
    _agent: float = 0.0
    _caption: str = ""
    _gaps_ms: dict[str, float] = field(default_factory=dict)

    def levels(self, microphone: float, agent: float) -> None:
        """Take the levels of the last frame: a bar falls slower than it rises, so that it can be read."""
        self._microphone = max(microphone, self._microphone * 0.9)
        self._agent = max(agent, self._agent * 0.9)

    def take(self, name: str, data: dict[str, Any]) -> list[str]:
        """Take a fact; return the lines (rich markup) that it adds."""
        from rich.markup import escape

        match name:
            case "TranscriptRevised":
                self._caption = data["text"]
            case "TurnEnded":
                self._caption = ""
                return [f"[bold]you[/]    {escape(data['text'])}"]
            case "PlaybackStarted" if data.get("gap_ms") is not None:
                self._gaps_ms[data["reply_id"]] = data["gap_ms"]
            case "PlaybackFinished" | "PlaybackInterrupted":
                cut = " [yellow](interrupted)[/]" if name == "PlaybackInterrupted" else ""
                gap_ms = self._gaps_ms.pop(data["reply_id"], None)
                gap = f"  [dim]{gap_ms:.0f} ms[/]" if gap_ms is not None else ""
                return [f"[bold]agent[/]  {escape(data['heard_text'])}{cut}{gap}"]
            case "ToolCalled":
                return [f"[dim]       {escape(data['tool'])} {escape(data['arguments'])}[/]"]
            case "SpeechLost" | "SoundLost" | "EngineFailed":
                return [f"[yellow]       {name}[/]"]
        return []

    def __rich__(self) -> "RenderableType":
        """Return the line of what goes on."""
        from rich.text import Text

        line = f"you {bar(self._microphone)}  agent {bar(self._agent)}  {self._caption}"
        return Text(line, no_wrap=True, overflow="ellipsis")


def bar(level: float) -> str:
    """Return a level (0 to 1) as a bar, linear in dB."""
    from math import log10

    db = 20 * log10(level) if level > 0 else -FLOOR_DB
    filled = round(BAR * min(1.0, max(0.0, 1 + db / FLOOR_DB)))
    return "▮" * filled + "▯" * (BAR - filled)
