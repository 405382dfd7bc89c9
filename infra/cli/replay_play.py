"""`daredevil replay SESSION`: the conversation in the terminal, at its pace, and its sound."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from infra.cli.export import CannotWrite, write_pieces
from infra.cli.log import event_colour
from infra.cli.output import err, out, progress, warn
from infra.cli.standard_streams import ReaderGone
from infra.cli.system import log_connection
from infra.export.conversation import Conversation, NotAConversation, conversation_of
from infra.log.stream_reader import has_stream
from infra.replay.lines import ReplayLine, ReplayStart, lines_of, start_of_turn
from infra.replay.pace import at_pace
from infra.replay.recorded_session import RecordedSession, recorded_session
from infra.replay.sound import RecordedSound, recorded_sound
from infra.session.recordings import NoRecording

if TYPE_CHECKING:
    from nats.aio.client import Client
    from rich.console import Console

PLAYERS = ("aplay -q", "play -q -t wav -", "ffplay -v error -nodisp -autoexit -")
"""Programs that play a WAV file from their standard input, if they are installed."""


async def play(session_id: str, speed: float, from_turn: int | None, sound: Path | None, as_json: bool) -> None:
    """Replay a session in the terminal. Raises ValueError, LookupError with what to tell, CannotWrite, nats errors."""
    async with log_connection() as nc:
        session = await recorded_session(nc, session_id)
        told = await conversation_in(nc, session)
        start = beginning(session, told, from_turn)
        heard = await _sound(nc, session_id, start, is_wanted=sound is not None)
    tell_remarks(session)
    lines = lines_of(session, told, start)
    in_json = session.remarks() if as_json else None
    if sound is None or heard is None:
        if heard is not None and not as_json:
            _tell_how_to_listen(session_id, from_turn)
        await _show(lines, start, speed, out(), in_json)
    elif str(sound) == "-":
        await _show_and_sound(lines, start, speed, heard)
    else:
        await write_pieces(sound, heard.wav())
        progress(f"wrote {sound}: {heard.seconds:.1f} s")
        await _show(lines, start, speed, out(), in_json)


def tell_remarks(session: RecordedSession) -> None:
    """Print what keeps the replay from being all of the session."""
    for remark in session.remarks():
        warn(f"session {session.session_id}: {remark}")


async def conversation_in(nc: "Client", session: RecordedSession) -> Conversation | None:
    """Return the conversation, None if its beginning is lost or its words were erased. Raises nats errors."""
    from contracts.topology import RECORDINGS
    from infra.session.recordings import last_chunk

    chunk = await last_chunk(nc, session.session_id) if await has_stream(nc, RECORDINGS) else None
    events = [fact.event for fact in session.facts]
    with suppress(NotAConversation):
        return conversation_of(events, chunk.chunk.track_samples if chunk is not None else None)
    return None


def beginning(session: RecordedSession, told: Conversation | None, from_turn: int | None) -> ReplayStart:
    """Return where the replay begins. Raises NoSuchTurn, ValueError if there are no turns to count."""
    if from_turn is None:
        return ReplayStart()
    if told is None:
        raise ValueError(f"session {session.session_id} cannot begin with a turn: {'; '.join(session.remarks())}")
    return start_of_turn(session, told, from_turn)


async def _sound(nc: "Client", session_id: str, start: ReplayStart, is_wanted: bool) -> RecordedSound | None:
    """Return the recording, if there is one. Raises NoRecording if it `is_wanted`."""
    try:
        heard = await recorded_sound(nc, session_id, start.ms)
    except NoRecording:
        if is_wanted:
            raise
        return None
    if is_wanted and not heard.is_complete:
        warn(f"the recording of {session_id} is not complete: {heard.seconds:.1f} s of it are stored")
    return heard


def _tell_how_to_listen(session_id: str, from_turn: int | None) -> None:
    player = next((player for player in PLAYERS if shutil.which(player.split()[0])), None)
    if player is not None and sys.stdout.isatty():
        turn = f" --from-turn {from_turn}" if from_turn else ""
        progress(f"to hear it: daredevil replay {session_id}{turn} -o - | {player}")


async def _show(
    lines: Sequence[ReplayLine],
    start: ReplayStart,
    speed: float,
    console: "Console",
    in_json: list[str] | None = None,
) -> None:
    """Show the lines when they are due; with the session's remarks `in_json`, as JSON."""
    kept = [line for line in lines if in_json is None or line.message is not None]
    begin_ns = min(round(start.ms * 1e6), kept[0].due_ns) if kept else 0
    async for index in at_pace([line.due_ns - begin_ns for line in kept], speed):
        if in_json is not None:
            typer.echo(json.dumps(_fields(kept[index], in_json if index == 0 else [])))
        else:
            _print(kept[index], console)


def _print(line: ReplayLine, console: "Console") -> None:
    at = f"{line.at_ms / 1000:9.3f}"
    if line.message is None:
        console.print(f"[dim]{at}[/] {'':28} [bold]{escape(line.text)}[/]")
        return
    colour = event_colour(line.name) if line.fact is not None else "yellow"
    console.print(f"[dim]{at} {line.message.sequence:6d}[/] [{colour}]{line.name:<21}[/] {escape(line.text)}")


def _fields(line: ReplayLine, remarks: list[str]) -> dict[str, Any]:
    assert line.message is not None
    data = line.fact.event.model_dump(mode="json", exclude_none=True) if line.fact is not None else {}
    return {
        "sequence": line.message.sequence,
        "name": line.name,
        "at_ms": round(line.at_ms, 3),
        "text": line.text,
        "data": data,
        "remarks": remarks,
    }


async def _show_and_sound(lines: Sequence[ReplayLine], start: ReplayStart, speed: float, heard: RecordedSound) -> None:
    """Show the lines on standard error, while whatever reads standard output takes the sound at its own pace."""
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_to_descriptor(sys.stdout.fileno(), heard.wav()))
            both.create_task(_show(lines, start, speed, err()))
    except ExceptionGroup as failed:  # such as a player that was closed: ReaderGone
        raise failed.exceptions[0] from None


async def _to_descriptor(descriptor: int, pieces: AsyncIterator[bytes]) -> None:
    """Write to a pipe or file without blocking the loop. Raises CannotWrite, ReaderGone if the reader has gone."""
    was_blocking = os.get_blocking(descriptor)
    os.set_blocking(descriptor, False)
    try:
        async for piece in pieces:
            left = memoryview(piece)
            while left:
                try:
                    left = left[os.write(descriptor, left) :]
                except BlockingIOError:
                    await _writable(descriptor)
                except BrokenPipeError:
                    raise ReaderGone from None
                except OSError as error:
                    raise CannotWrite(f"standard output cannot be written: {error.strerror}") from error
    finally:
        os.set_blocking(descriptor, was_blocking)


async def _writable(descriptor: int) -> None:
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_writer(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(descriptor)
