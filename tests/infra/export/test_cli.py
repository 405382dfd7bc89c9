"""`daredevil export` and `daredevil summary`, as a user calls them, on a real log."""

import asyncio
import io
import json
import os
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import av
import numpy as np
import pytest
from faststream.nats import NatsBroker
from typer.testing import CliRunner

from contracts import events as e
from infra.cli.app import app
from infra.cli.export import CannotWrite, write_pieces
from infra.log.connection import connection
from infra.log.event_log import append
from infra.session.opus import PACKET_SAMPLES, encode
from infra.session.recordings import Chunk, store
from tests.infra.export.a_call import START_NS, Facts, a_call

FULL = Path("/dev/full")


async def _cli(*arguments: str) -> tuple[int, bytes, str]:
    """Run a command in a thread: it has a loop of its own."""
    result = await asyncio.to_thread(CliRunner().invoke, app, list(arguments))
    return result.exit_code, result.stdout_bytes, result.stderr


@pytest.fixture(autouse=True)
def in_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are written here."""
    monkeypatch.chdir(tmp_path)


async def _said(broker: NatsBroker, call: Facts) -> None:
    for fact in call.facts:
        await append(broker, fact)


async def _recorded(broker: NatsBroker) -> None:
    samples = np.zeros((54 * PACKET_SAMPLES, 2), np.int16)
    chunk = Chunk(0, START_NS, 100, tuple(encode(samples)), {"t": 800}, 1000, last=True)
    await store(connection(broker), "s-1", chunk, 0)


async def test_a_conversation_is_written_as_a_file_or_to_standard_output(broker: NatsBroker, tmp_path: Path) -> None:
    call = a_call()
    call.add(e.SessionClosed, 5000, reason="hangup")
    recorded = {"recording_id": "r", "codec": "opus", "sample_rate_hz": 48_000, "duration_ms": 3000, "size_bytes": 1}
    call.add(e.RecordingStored, 5100, **recorded)
    await _said(broker, call)
    await _recorded(broker)
    text = await _cli("export", "s-1", "--format", "txt", "--out", "-")
    srt = await _cli("export", "s-1", "-f", "srt")
    await _cli("export", "s-1", "-f", "wav")
    webm = await _cli("export", "s-1", "-f", "webm", "-o", "-")
    assert (text[0], text[2]) == (0, "")
    assert "User: What time is it?" in text[1].decode()
    assert srt[2] == "wrote s-1.srt\n"
    assert (tmp_path / "s-1.srt").read_text().startswith("1\n00:00:00,200 --> ")
    with wave.open(str(tmp_path / "s-1.wav")) as sound:
        frames = 150 * PACKET_SAMPLES - 312
        assert (sound.getnchannels(), sound.getframerate(), sound.getnframes()) == (2, 48_000, frames)
        assert len(sound.readframes(frames + 1)) == 4 * frames
    with av.open(io.BytesIO(webm[1]), "r") as container:
        assert container.duration == pytest.approx(3_000_000, abs=50_000)


async def _pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_a_link_stays_a_link_and_a_pipe_a_pipe(tmp_path: Path) -> None:
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to("file")
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    await write_pieces(link, _pieces(b"12", b"34"))
    await write_pieces(pipe, _pieces(b"12", b"34"))
    assert (link.is_symlink(), pipe.is_fifo()) == (True, True)
    assert (tmp_path / "file").read_bytes() == os.read(reader, 100) == b"1234"
    os.close(reader)
    assert sorted(os.listdir(tmp_path)) == ["file", "link", "pipe"]


async def test_what_cannot_be_written_is_said_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match=r"xxx cannot be written: File name too long"):
        await write_pieces(tmp_path / ("x" * 251), _pieces(b"1"))
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not FULL.exists(), reason="Linux has a device that is always full")
def test_a_device_is_written_and_not_replaced() -> None:
    with pytest.raises(CannotWrite, match="/dev/full cannot be written: No space left on device"):
        asyncio.run(write_pieces(FULL, _pieces(b"1")))
    assert FULL.is_char_device()


async def test_what_cannot_be_exported_is_said_clearly(broker: NatsBroker, tmp_path: Path) -> None:
    call = a_call()
    await _said(broker, call)
    unknown = await _cli("export", "nobody")
    bad = await _cli("export", "No.Id")
    still_open = await _cli("export", "s-1", "-f", "wav")
    no_summary = await _cli("summary", "s-1")
    assert unknown == (2, b"", "error: the log has no session nobody: `daredevil sessions` lists those it has\n")
    assert (bad[0], "is not a session id" in bad[2]) == (2, True)
    assert (still_open[0], "still open" in still_open[2]) == (2, True)
    assert (no_summary[0], "has no summary yet" in no_summary[2]) == (1, True)
    assert os.listdir(tmp_path) == []
    call.add(e.SessionClosed, 5000, reason="hangup")
    await append(broker, call.facts[-1])
    silent = await _cli("export", "s-1", "-f", "webm")
    assert (silent[0], "has no recording" in silent[2]) == (2, True)


async def test_a_summary_is_shown_as_text_or_json(broker: NatsBroker, tmp_path: Path) -> None:
    call = a_call()
    call.add(e.SummaryRevised, 5000, summary="Time was asked for.", through_turn_id="t1", turns=1)
    await _said(broker, call)
    rolling = await _cli("summary", "s-1")
    call.add(e.SummaryWritten, 6000, summary="About time.", topics=("time",), action_items=("Have lunch.",))
    await append(broker, call.facts[-1])
    final, as_json = await _cli("summary", "s-1"), await _cli("summary", "s-1", "--json")
    assert rolling[1] == b"Time was asked for.\n"
    assert "the session is still open" in rolling[2]
    assert final[1].decode().splitlines() == ["About time.", "topics: time", "sentiment: unknown", "to do: Have lunch."]
    assert json.loads(as_json[1])["summary"] == "About time."
