"""`daredevil say`: a call in which WAV files are the caller's voice."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.agents import AgentOption, UserOption, VariableOptions, check_wish, wished
from infra.cli.doors import DOORS, WEBSOCKET, Caller, CallOptions, DoorOption, Room, UrlOption, open_door
from infra.cli.output import BAD_INPUT, FAILED, check_target, err, fail, out, run_async, warn

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from infra.caller import CallResult, ScriptedUtterance
    from infra.caller.result import UnansweredUtterance
    from infra.caller.talk import Dial
    from infra.caller.wav import Sound


def say(
    wavs: Annotated[list[Path], typer.Argument(metavar="WAV...", help="What to say, one file per turn.")],
    out_file: Annotated[
        Path | None,
        typer.Option("--out", metavar="WAV", help="Write the agent's sound to a WAV, timed as in the call."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole result as one JSON object.")] = False,
    user: UserOption = "caller",
    agent: AgentOption = "",
    variables: VariableOptions = None,
    session: Annotated[str | None, typer.Option(help="Resume this session, if it is still open.")] = None,
    resume_token: Annotated[
        str, typer.Option(help="The secret of that session; for the system here, by default DAREDEVIL_ADMIN_KEY.")
    ] = "",
    door: DoorOption = WEBSOCKET,
    room: Annotated[str, typer.Option(help="With --door livekit: the room to call in; by default a new one.")] = "",
    token: Annotated[
        str, typer.Option(help="The caller's JWT, if DAREDEVIL_AUTH is set; with --door livekit, a room's token.")
    ] = "",
    url: UrlOption = None,
) -> None:
    """Call the agent with recordings, and print what it understood, what it answered, and how fast.

    The files are played at the pace of speech, each after the answer to the previous one; then the call is hung up.
    WAVs of 8 to 192 kHz, mono or stereo: PCM, floats, mu-law or A-law. If nothing is running here, the system is
    started for this call and stopped after it.

    For example:

      daredevil say tests/data/hello.wav

      daredevil say question.wav thanks.wav --out answers.wav

      daredevil say hello.wav --json | jq .turns

      daredevil say hello.wav --door livekit

      daredevil say hello.wav --agent booking --variable restaurant=Sole
    """
    from infra.agents.choosing import AgentWanted
    from infra.caller import BadWav, ScriptedUtterance

    try:
        utterances = [ScriptedUtterance(_read(path)) for path in wavs]
        _check_names(session, out_file)
        wish = wished(agent, variables)
        caller = Caller(session, token, resume_token, AgentWanted(**wish) if wish else None)
        call = CallOptions(caller, Room(room, token))
        _check_door(door, caller, call.room)
    except (BadWav, ValueError) as error:
        fail(str(error), BAD_INPUT)
    if session is None:
        check_wish(wish, None, url)
    result, problem, code = run_async(_call(utterances, open_door(door, url, call), user))
    if result is None:
        fail(problem, code)
    if out_file is not None:
        _write(out_file, result)
    if as_json:
        _print_json(result, problem)
    else:
        _print(result)
    if problem:
        fail(problem, code)


NOT_AS_ASKED = (
    "unknown-agent",
    "missing-variable",
    "session-unknown",
    "session-closed",
    "other-door",
    "resume-refused",
    "bad-session-id",
)
"""The door's error codes for a session that cannot be opened or resumed as it was asked for."""


def _read(path: Path) -> "Sound":
    from infra.caller import read_wav

    sound = read_wav(path)
    for note in sound.notes:
        warn(f"{path}: {note}")
    return sound


def _check_names(session: str | None, out_file: Path | None) -> None:
    from contracts.topology import checked_session

    if session is not None:
        checked_session(session)
    if out_file is not None:
        check_target(out_file, ".wav")


def _check_door(door: str, caller: Caller, room: Room) -> None:
    if problem := DOORS[door].refuses(caller, room):
        raise ValueError(problem)
    if room.name and room.token:
        from infra.livekit.refusals import check_room

        check_room(room.token, room.name)


async def _call(
    utterances: "list[ScriptedUtterance]", door: "AbstractAsyncContextManager[Dial]", user: str
) -> "tuple[CallResult | None, str, int]":
    """Return the call's result, its error message if it failed, and the exit code."""
    from infra.caller import CallFailed

    async with door as dial:
        try:
            result = await dial(utterances, user_id=user, on_fact=_caption)
        except CallFailed as failure:
            code = BAD_INPUT if failure.code in NOT_AS_ASKED else FAILED
            return failure.result, str(failure), code
    return result, "", 0


def _caption(name: str, data: dict[str, Any]) -> None:
    """Print the conversation while it goes on."""
    if not err().is_terminal:
        return
    if name == "TurnEnded":
        err().print("[dim]you:  [/]", end="")
        err().print(str(data["text"]), markup=False)
    elif name in ("PlaybackFinished", "PlaybackInterrupted"):
        err().print("[dim]agent:[/]", end=" ")
        err().print(str(data["heard_text"]), markup=False)


def _write(path: Path, result: "CallResult") -> None:
    from infra.caller import write_wav

    try:
        write_wav(path, result.answer)
    except OSError as error:
        fail(f"--out {path}: {error.strerror or error}", FAILED)


def _print_json(result: "CallResult", problem: str) -> None:
    import json
    from dataclasses import asdict

    fields = {
        name: value
        for name, value in asdict(result).items()
        if name not in ("answer", "facts", "resume_token", "buffered_s")
    }
    typer.echo(json.dumps({**fields, "problem": problem}, indent=2))


def _print(result: "CallResult") -> None:
    from rich.markup import escape

    console = out()
    console.print(f"session [bold]{result.session_id or 'none'}[/], {result.seconds:.1f} s")
    for turn in result.turns:
        console.print(f"\n[bold]you[/]    {escape(turn.text)}")
        cut = " [yellow](interrupted)[/]" if turn.interrupted else ""
        heard = turn.heard_text or turn.reply_text
        console.print(f"[bold]agent[/]  {escape(heard) if heard else '[dim]nothing[/]'}{cut}")
        if turn.gap_ms is not None:
            early = " [yellow](began before you had ended)[/]" if turn.early else ""
            console.print(f"[bold]gap[/]    {turn.gap_ms:.0f} ms{early}{_parts(turn.log_gap_ms, turn.parts)}")
    for utterance in result.unanswered:
        console.print(f"\n[bold]you[/]    {escape(_what_was_said(utterance))}")
        if utterance.heard_text:
            console.print(f"[bold]agent[/]  {escape(utterance.heard_text)}")
    for error in result.errors:
        warn(f"error from the door: {error}")


_NOT_ANSWERED = {
    "language": "it is not in the language that is understood here",
    "no-words": "there are no words in it",
    "repetition": "it is no speech, the same again and again",
    "too-fast": "nobody says so much in so short a time",
    "unlikely": "speech to text was not sure of it",
}


def _what_was_said(utterance: "UnansweredUtterance") -> str:
    """Return in words what became of an utterance that was not answered, and why."""
    why = _NOT_ANSWERED.get(utterance.reason, utterance.reason)
    language = f" ({utterance.language})" if utterance.reason == "language" and utterance.language else ""
    text = f", taken for “{utterance.text}”" if utterance.text else ""
    return f"{utterance.speech_ms / 1000:.1f} s of speech{text}: not answered, for {why}{language}"


def _parts(log_gap_ms: float | None, parts: dict[str, float]) -> str:
    if log_gap_ms is None:
        return ""
    named = " + ".join(f"{name.removesuffix('_ms').replace('_', ' ')} {ms:.0f}" for name, ms in parts.items() if ms)
    return f"  [dim]recorded {log_gap_ms:.0f} = {named}[/]"
