"""`daredevil export` and `daredevil summary`: a conversation as a file, and what it was about."""

import io
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cannot_run import CannotRun
from infra.cli.output import BAD_INPUT, FAILED, check_target, err, fail, out, run_async, warn
from infra.cli.standard_streams import ReaderGone

if TYPE_CHECKING:
    from nats.aio.client import Client

    from infra.export.conversation import Conversation

COMPLETE_WITHIN_S = 10.0
"""How long to wait for the recording of a session that has just ended."""


class Format(StrEnum):
    """The formats of a written conversation."""

    json = "json"
    md = "md"
    txt = "txt"
    srt = "srt"
    wav = "wav"
    webm = "webm"


ENDINGS = tuple(f".{form.value}" for form in Format)


class CannotWrite(CannotRun):
    """The file, pipe or device that was named cannot be written; the message says why."""


class CannotExport(RuntimeError):
    """What was requested does not exist; the message says why, and what does."""


def export(
    session: Annotated[str, typer.Argument(help="A session id, as `daredevil sessions` lists them.")],
    format: Annotated[
        Format | None,
        typer.Option("--format", "-f", help="What to write.", show_default="what FILE ends with, or md"),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File to write; `-` is standard output.", show_default="SESSION.FORMAT"),
    ] = None,
) -> None:
    """Write a conversation as a file.

    json has everything, with times and latencies; md and txt are for reading; srt has captions for the recording;
    wav and webm are the recording: people on the left, the agent on the right, from the moment the session began.
    """
    try:
        form = format or _format_of(to)
        target = to or Path(f"{session}.{form.value}")
        if str(target) != "-":
            # With --format a name may end as it likes (`notes.log`), but not like another format.
            check_target(target, f".{form.value}" if target.suffix.lower() in ENDINGS else "")
        run_async(_export(session, form, target))
    except (ValueError, CannotExport, LookupError) as error:
        fail(str(error), BAD_INPUT)
    if str(target) != "-":
        err().print(f"wrote {target}", markup=False)


def _format_of(target: Path | None) -> Format:
    """Return the format that a file's name ends with, `md` without an ending. Raises ValueError for another ending."""
    if target is None or target.suffix == "" or (target.exists() and not target.is_file()):
        return Format.md
    if target.suffix.lower() not in ENDINGS:
        known = ", ".join(Format)
        raise ValueError(f"--out {target}: there is no format {target.suffix[1:]}: choose one with --format: {known}")
    return Format(target.suffix[1:].lower())


def summary(
    session: Annotated[str, typer.Argument(help="A session id, as `daredevil sessions` lists them.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, all fields.")] = False,
) -> None:
    """Print what a conversation was about: the summary written at its end, or the rolling one while it goes on."""
    try:
        told = run_async(conversation_in_log(session))
    except (ValueError, CannotExport, LookupError) as error:
        fail(str(error), BAD_INPUT)
    if told.summary is None:
        state = "it is written when the session has ended" if told.closed is None else "it is still being written"
        fail(f"session {session} has no summary yet: {state}", FAILED)
    if as_json:
        typer.echo(json.dumps({"kind": type(told.summary).__name__, **told.summary.model_dump()}))
        return
    _print_summary(told)


def _print_summary(told: "Conversation") -> None:
    from contracts.events import SummaryWritten
    from infra.export.lines import one_line

    assert told.summary is not None
    out().print(one_line(told.summary.summary) or "Nothing was said.", markup=False)
    if not isinstance(told.summary, SummaryWritten):
        err().print(f"so far, after {told.summary.turns} turns; the session is still open", markup=False)
        return
    rows = [("topics", ", ".join(told.summary.topics)), ("sentiment", told.summary.sentiment)]
    rows += [("to do", item) for item in told.summary.action_items]
    for name, value in rows:
        if value:
            out().print(f"{name}: {one_line(value)}", markup=False)


async def conversation_in_log(session: str) -> "Conversation":
    """Return a session's conversation. Raises CannotExport, LogEmpty, ValueError."""
    from contracts.topology import checked_session
    from infra.cli.system import log_connection

    checked_session(session)
    async with log_connection() as nc:
        return await _conversation(nc, session)


async def _export(session: str, form: Format, target: Path) -> None:
    from contracts.topology import checked_session
    from infra.cli.system import LogEmpty, log_connection

    checked_session(session)
    try:
        async with log_connection() as nc:
            if form in (Format.wav, Format.webm):
                await _export_sound(nc, session, form, target)
            else:
                from infra.export.formats import FORMATS

                text = FORMATS[form.value](await _conversation(nc, session))
                await write_pieces(target, _once(text.encode("utf-8", "replace")))
    except LogEmpty as nothing:
        raise CannotExport(str(nothing)) from nothing


async def _conversation(nc: "Client", session: str) -> "Conversation":
    """Return the conversation, with times of speech from the recording if there is one."""
    from contracts.topology import RECORDINGS
    from infra.export.conversation import NotAConversation, conversation_of
    from infra.log.event_log import history
    from infra.log.log_streams import has_log
    from infra.log.stream_reader import has_stream
    from infra.session.index import no_such_session
    from infra.session.recordings import last_chunk

    facts = [fact.event async for fact in history(nc, session)] if await has_log(nc) else []
    if not facts:
        raise CannotExport(await no_such_session(nc, session))
    # A log of an older version has no recordings.
    chunk = await last_chunk(nc, session) if await has_stream(nc, RECORDINGS) else None
    try:
        return conversation_of(facts, chunk.chunk.track_samples if chunk else None)
    except NotAConversation as error:
        raise CannotExport(f"session {session} cannot be read: {error}") from error


async def _export_sound(nc: "Client", session: str, form: Format, target: Path) -> None:
    from infra.session.recordings import NoRecording, last_chunk, sound_of, wav_header, webm_of

    told = await _complete(nc, session)
    try:
        if not await _recording_begun(nc, session):
            raise NoRecording
        if form is Format.webm:
            await write_pieces(target, _once(await webm_of(nc, session)))
            return
        last = await last_chunk(nc, session)
        header = wav_header(last.chunk.end_packet if last is not None else 0)
        pieces = (piece.astype("<i2").tobytes() async for piece in sound_of(nc, session))
        await write_pieces(target, _chained(header, pieces))
    except NoRecording as error:
        spoken = any(exchange.source == "speech" for exchange in told.exchanges)
        why = "" if spoken else ": nothing was said or heard in it"
        raise CannotExport(f"session {session} has no recording{why}") from error


async def _complete(nc: "Client", session: str) -> "Conversation":
    """Return the conversation once its recording is complete. Raises CannotExport while the session is open."""
    import asyncio
    import time

    deadline = time.monotonic() + COMPLETE_WITHIN_S
    while True:
        told = await _conversation(nc, session)
        if told.closed is None and told.recording is None:
            raise CannotExport(f"session {session} is still open: its recording can be exported after it has ended")
        if told.recording is not None:
            return told
        if not await _recording_begun(nc, session) or time.monotonic() > deadline:
            break
        await asyncio.sleep(0.2)
    if await _recording_begun(nc, session):
        warn(f"the recording of {session} is not complete yet: this is the part that exists")
    return told


async def _recording_begun(nc: "Client", session: str) -> bool:
    from contracts.topology import RECORDINGS
    from infra.log.stream_reader import has_stream
    from infra.session.recordings import last_chunk

    return await has_stream(nc, RECORDINGS) and await last_chunk(nc, session) is not None


# -- writing


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


async def write_pieces(target: Path, pieces: AsyncIterator[bytes]) -> None:
    """Write a file, which appears when it is complete; or standard output, a pipe, a device.

    Raises CannotWrite, ReaderGone if a pipe's reader has gone, and what `pieces` raises.
    """
    if str(target) == "-":
        async for piece in pieces:
            with _writing("standard output"):
                sys.stdout.buffer.write(piece)
        with _writing("standard output"):
            sys.stdout.buffer.flush()
        return
    path, written = _places(target)
    try:
        with _writing(target):
            file = io.FileIO(written, "wb")
        with file:
            async for piece in pieces:
                left = memoryview(piece)
                while left:
                    with _writing(target):
                        left = left[file.write(left) :]
        if written != path:
            with _writing(target):
                written.replace(path)
    finally:
        if written != path:
            with suppress(OSError):
                written.unlink()


def _places(target: Path) -> tuple[Path, Path]:
    """Return where the bytes are to be in the end, and where they are written until they are complete."""
    if target.exists() and not target.is_file():  # /dev/stdout, >(aplay): a rename would put a file in its place
        return target, target
    path = target.resolve()  # a link stays a link
    return path, path.with_name(f"{path.name}.part")


@contextmanager
def _writing(name: Path | str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise ReaderGone from None
    except OSError as error:
        raise CannotWrite(f"{name} cannot be written: {error.strerror or error}") from error
