import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer
from faststream.nats import NatsBroker

from contracts.events import (
    AgentProfile,
    LatencyParts,
    PlaybackInterrupted,
    PlaybackStarted,
    ReplyClauseWritten,
    ReplyStarted,
    SessionClosed,
    SessionOpened,
    TurnEnded,
    TurnEvidence,
)
from contracts.topology import DEAD
from infra.caller import read_wav, write_wav
from infra.cli import checks, turns
from infra.cli.app import app
from infra.cli.json_output import OUTPUTS
from infra.cli.log import table_of_sessions
from infra.export.describe import describe
from infra.log.connection import jetstream
from infra.log.event_log import append
from infra.session.index import SessionRow
from infra.settings import Settings, settings
from infra.settings_shown import in_json, shown
from tests.infra.caller.fake_door import fake_door
from tests.infra.cli.command import cli, cli_beside
from tests.servers import NatsServer

pytestmark = pytest.mark.slow

ENDED = TurnEnded(
    event_id="e2",
    session_id="s-1",
    time_ns=1_500_000_000,
    turn_id="t1",
    participant_id="p",
    text="Hello there.",
    evidence=TurnEvidence(
        silence_ms=412, end_of_turn_probability=0.78, required_silence_ms=400, speech_ended_ns=1, text_ready_ns=1
    ),
)


@pytest.fixture
def empty_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data directory with no log, and no settings from elsewhere."""
    monkeypatch.setenv("DAREDEVIL_DATA_DIR", str(tmp_path / "none"))
    monkeypatch.delenv("DAREDEVIL_NATS_URL", raising=False)
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


def json_lines(command: str, output: str) -> list[dict[str, Any]]:
    """What a command has printed with --json, once it has been found to be what `daredevil schema` says."""
    known = OUTPUTS[command]
    found = [json.loads(text) for text in (output.splitlines() if known.lines else [output])]
    for one in found:
        known.model().model_validate(one)
    return found


async def cli_process(*arguments: str) -> tuple[int, str, str]:
    """Run the command line as users do, in a process of its own."""
    import asyncio

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.cli", *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    output, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


async def a_session(broker: NatsBroker) -> None:
    profile = AgentProfile(prompt="p", llm="local", stt="local", tts="local")
    common = {"session_id": "s-1"}
    await append(
        broker, SessionOpened(event_id="e1", time_ns=10**9, door="websocket", user_id="ada", profile=profile, **common)
    )
    await append(broker, ENDED)
    await append(broker, SessionClosed(event_id="e3", time_ns=3 * 10**9, reason="hangup", **common))


def test_run_does_not_start_with_an_option_that_no_engine_takes(
    empty_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAREDEVIL_STT_OPTIONS", '{"language": "de"}')
    settings.cache_clear()
    code, _, errors = cli("run")
    assert code == 2
    assert "no engine of DAREDEVIL_STT=local accepts language" in " ".join(errors.split())
    assert not (empty_dir / "none").exists()


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("DAREDEVIL_LLM", "nonsense", "DAREDEVIL_LLM=nonsense: names no language model: write `local`"),
        ("DAREDEVIL_LLM", "nonsense:x:y", "DAREDEVIL_LLM=nonsense:x:y: there is no provider nonsense"),
        ("DAREDEVIL_END_OF_TURN", "nosuch:Model", "DAREDEVIL_END_OF_TURN=nosuch:Model: there is no module nosuch"),
    ],
)
def test_run_starts_nothing_with_an_engine_that_cannot_be(
    variable: str, value: str, said: str, empty_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    settings.cache_clear()
    code, _, errors = cli("run")
    assert code == 2
    assert said in " ".join(errors.split())
    assert not (empty_dir / "none").exists()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "collector:4318"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
    ],
)
def test_run_starts_nothing_with_telemetry_that_no_process_accepts(
    variable: str, value: str, empty_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    settings.cache_clear()
    code, _, errors = cli("run")
    assert code == 2
    assert f"{variable}: '{value}' is not" in " ".join(errors.split())
    assert not (empty_dir / "none").exists()


def test_help_teaches_with_examples() -> None:
    code, output, _ = cli("--help")
    assert code == 0
    assert "daredevil say hello.wav" in output
    for command in ("run", "say", "sessions", "events", "dead", "doctor", "settings", "bench"):
        assert cli(command, "--help")[0] == 0, command


def test_help_imports_nothing_heavy() -> None:
    heavy = ("faststream", "numpy", "livekit", "nats", "pydantic")
    script = f"import sys, infra.cli.app; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_where_there_is_no_log_nothing_is_started(empty_dir: Path) -> None:
    code, output, errors = cli("sessions")
    assert (code, output) == (0, "")
    assert "no log" in errors
    assert cli("events", "s-1")[0] == 2
    code, _, errors = cli("dead")
    assert code == 0
    assert "no dead letters" in errors
    assert not (empty_dir / "none").exists()


@pytest.mark.parametrize("session", ["a.b", "*", ">", "UPPER", "x" * 65, "a b"])
def test_a_session_that_cannot_be_is_refused(empty_dir: Path, session: str) -> None:
    code, _, errors = cli("events", session)
    assert code == 2
    assert "is not a session id" in errors


async def test_sessions_are_listed_from_the_log(broker: NatsBroker) -> None:
    await a_session(broker)
    code, output, _ = await cli_process("sessions", "--json")
    assert code == 0
    (row,) = json_lines("sessions", output)
    assert (row["session_id"], row["user_id"], row["turns"], row["closed"]) == ("s-1", "ada", 1, "hangup")
    assert row["seconds"] == 2


async def test_events_of_a_session_are_readable_and_in_order(broker: NatsBroker) -> None:
    await a_session(broker)
    code, output, _ = await cli_beside("events", "s-1")
    assert code == 0
    lines = output.splitlines()
    assert [line.split()[2] for line in lines] == ["SessionOpened", "TurnEnded", "SessionClosed"]
    assert lines[1].split()[:2] == ["0.500", "2"]
    assert "“Hello there.”" in lines[1]
    code, output, _ = await cli_beside("events", "s-1", "--json")
    facts = json_lines("events", output)
    assert [fact["sequence"] for fact in facts] == [1, 2, 3]
    assert facts[1]["data"]["evidence"]["silence_ms"] == 412


async def test_an_unknown_session_is_an_error(broker: NatsBroker) -> None:
    code, _, errors = await cli_beside("events", "nobody")
    assert code == 2
    assert "no session nobody" in errors


async def test_followed_events_come_as_they_are_said(broker: NatsBroker) -> None:
    import asyncio

    await a_session(broker)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.cli", "events", "s-1", "--follow", "--json"), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        for _ in range(3):
            await process.stdout.readline()
        await append(
            broker, ReplyStarted(event_id="e4", session_id="s-1", time_ns=4 * 10**9, reply_id="r", text="later")
        )
        assert json.loads(await process.stdout.readline())["name"] == "ReplyStarted"
    process.terminate()
    await process.wait()


async def test_dead_letters_are_listed_and_dropped(broker: NatsBroker) -> None:
    headers = {
        "Daredevil-Durable": "reasoning",
        "Daredevil-Subject": "voice.é.turn.ended",
        "Daredevil-Reason": "no words",
    }
    await jetstream(broker).publish("dead.reasoning", b"x", stream=DEAD, headers=headers)
    _, output, _ = await cli_beside("dead")
    assert "reasoning" in output
    assert "no words" in output
    [letter] = json_lines("dead", (await cli_beside("dead", "--json"))[1])
    assert (letter["number"], letter["actor"], letter["bytes"]) == (1, "reasoning", 1)
    assert letter["subject"] == "voice.é.turn.ended"
    assert letter["subject"] in output
    code, _, errors = await cli_beside("dead", "retry", "1")
    assert code == 1
    assert "no reasoning is running" in errors
    assert (await cli_beside("dead", "retry", "7"))[0] == 2
    code, output, _ = await cli_beside("dead", "drop", "1")
    assert (code, output.strip()) == (0, "1: dropped")
    assert (await cli_beside("dead"))[1] == ""


def test_dead_letters_are_named_by_number_or_all() -> None:
    assert cli("dead", "retry")[0] == 2
    assert cli("dead", "drop", "1", "--all")[0] == 2


async def test_an_external_log_that_is_away_is_a_clear_error(nats_server: NatsServer) -> None:
    await nats_server.stop()
    code, _, errors = await cli_beside("sessions")
    assert code == 1
    assert f"NATS at {nats_server.url} does not answer" in errors


async def test_a_recording_of_192_khz_is_said_at_a_rate_that_the_door_takes(tmp_path: Path) -> None:
    wav = tmp_path / "high.wav"
    write_wav(wav, read_wav(Path("tests/data/hello.wav")).at_rate(192_000))
    async with fake_door() as door:
        code, _, _ = await cli_beside("say", str(wav), "--url", door.url)
        assert (code, door.hello["sample_rate_hz"]) == (0, 48_000)


async def test_say_asks_for_the_session_that_is_named_and_no_other() -> None:
    async with fake_door() as door:
        await cli_beside("say", "tests/data/hello.wav", "--url", door.url, "--session", "s-1")
        assert (door.hello["session_id"], door.hello["only_resume"]) == ("s-1", True)
        door.refusal = {"type": "error", "code": "session-unknown", "message": "there is no session s-2 to go on with"}
        code, _, errors = await cli_beside("say", "tests/data/hello.wav", "--url", door.url, "--session", "s-2")
    assert code == 2
    assert "there is no session s-2" in errors


async def test_say_prints_the_turn_and_keeps_the_sound(tmp_path: Path) -> None:
    out_file = tmp_path / "answer.wav"
    async with fake_door() as door:
        code, output, _ = await cli_beside("say", "tests/data/hello.wav", "--url", door.url, "--out", str(out_file))
        assert code == 0
        assert "Hello there." in output
        assert "endpointing 200 + bus 5" in output
        assert out_file.stat().st_size > 40_000
        code, output, _ = await cli_beside("say", "tests/data/hello.wav", "--url", door.url, "--json")
    [result] = json_lines("say", output)
    assert (code, result["session_id"], result["turns"][0]["heard_text"]) == (0, "s-1", "Hi!")


async def test_say_tells_why_speech_in_another_language_was_not_answered() -> None:
    async with fake_door() as door:
        door.is_foreign = True
        code, output, _ = await cli_beside("say", "tests/data/foreign/de.wav", "--url", door.url)
        assert code == 0
        assert "1.2 s of speech, taken for “Spy Zen”: not answered, for it is not in the language" in output
        assert "understood here (en)" in output
        assert "agent  Hi!" in output
        code, output, _ = await cli_beside("say", "tests/data/foreign/de.wav", "--url", door.url, "--json")
    [result] = json_lines("say", output)
    assert (result["turns"], result["unanswered"][0]["reason"]) == ([], "language")


def test_what_cannot_be_said_is_refused_before_anything_is_started(tmp_path: Path, empty_dir: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    code, _, errors = cli("say", str(tmp_path / "text.wav"))
    assert code == 2
    assert "text.wav: this is not a WAV file" in errors
    assert cli("say", str(tmp_path / "nothing.wav"))[0] == 2
    assert cli("say", "tests/data/hello.wav", "--session", "a.b")[0] == 2
    assert cli("say", "tests/data/hello.wav", "--out", str(tmp_path / "no" / "such" / "dir.wav"))[0] == 2
    assert not (empty_dir / "none").exists()


def test_every_setting_is_listed() -> None:
    code, output, _ = cli("settings", "--json")
    assert code == 0
    assert set(*json_lines("settings", output)) == {f"DAREDEVIL_{name.upper()}" for name in Settings.model_fields}


def test_keys_and_passwords_are_not_shown() -> None:
    assert "hunter2" not in shown("admin_key", "hunter2") + shown("livekit_api_secret", "hunter2")
    assert "hunter2" not in shown("nats_url", "nats://me:hunter2@example.org:4222")
    assert "eyJ" not in shown("pulsar_token", "eyJhbGciOiJIUzI1NiJ9")
    assert shown("pulsar_tls_key_file", "/etc/pulsar/key.pem") == "/etc/pulsar/key.pem"
    assert "sk-1" not in shown("llm_options", {"api_key": "sk-1", "temperature": 0})
    assert "max_tokens" in shown("llm_options", {"max_tokens": 7})
    assert "7" in shown("llm_options", {"max_tokens": 7})


def test_an_event_is_described_by_what_matters_of_it() -> None:
    name, fields = describe(ENDED)
    assert name == "TurnEnded"
    assert fields.startswith("“Hello there.” participant_id=p")
    assert "end_of_turn_probability=0.78" in fields
    assert "speech_ended_ns" not in fields
    assert ENDED.evidence is not None
    unlikely = ENDED.evidence.model_copy(update={"end_probability": 0.0, "unfinished": False, "own_pauses_ms": (0.26,)})
    assert describe(ENDED.model_copy(update={"evidence": unlikely}))[1].endswith(
        "end_probability=0 own_pauses_ms=0.26)"
    )
    long_text = describe(ENDED.model_copy(update={"text": "word " * 100}))[1]
    assert "…”" in long_text


def test_a_data_directory_that_cannot_be_used_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DAREDEVIL_DATA_DIR", str(tmp_path / "file" / "below"))
    settings.cache_clear()
    code, _, errors = cli("run")
    settings.cache_clear()
    assert code == 1
    assert f"{tmp_path / 'file'} is a file): choose another one with DAREDEVIL_DATA_DIR" in errors.replace("\n", "")


@pytest.mark.parametrize("command", ["events", "summary", "export"])
def test_without_a_log_one_line_says_how_to_begin(command: str, empty_dir: Path) -> None:
    code, _, errors = cli(command, "some-session")
    assert code == 2
    assert "there is no log in" in errors


async def test_a_nats_that_does_not_answer_ends_the_start_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAREDEVIL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DAREDEVIL_NATS_URL", "nats://sam:secret@127.0.0.1:9")
    monkeypatch.setenv("DAREDEVIL_PORT", "0")  # whoever has the usual one would be the first thing told
    code, output, errors = await cli_process("run")
    assert code == 1
    assert "NATS at nats://127.0.0.1:9 does not answer" in errors
    assert "secret" not in output + errors
    assert len(errors.splitlines()) <= 3


def test_the_version_is_shown() -> None:
    code, output, _ = cli("--version")
    assert (code, output) == (0, f"daredevil {version('daredevil')}\n")


@pytest.mark.parametrize("command", sorted(OUTPUTS))
def test_what_json_holds_has_a_schema(command: str) -> None:
    code, output, _ = cli("schema", *command.split())
    assert code == 0
    described = json.loads(output)
    assert described["type"] == "object"
    assert described["properties"]


def commands_with_json(group: typer.core.TyperGroup, path: tuple[str, ...] = ()) -> Iterator[str]:
    for name, command in group.commands.items():
        if any("--json" in option.opts for option in command.params):
            yield " ".join((*path, name))
        if isinstance(command, typer.core.TyperGroup):
            yield from commands_with_json(command, (*path, name))


def test_every_command_with_json_has_a_schema() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    assert set(commands_with_json(group)) == {name for name, output in OUTPUTS.items() if not output.option}


def test_commands_without_json_have_no_schema() -> None:
    code, _, errors = cli("schema", "run")
    assert code == 2
    assert "has no --json output" in errors


async def test_a_reply_that_was_never_heard_is_not_told_as_the_answer(broker: NatsBroker) -> None:
    await a_session(broker)
    common = {"session_id": "s-1", "turn_id": "t1"}
    for fact in (
        ReplyStarted(event_id="r1", time_ns=2, reply_id="r", text="Hello there.", **common),
        ReplyClauseWritten(event_id="r2", time_ns=3, reply_id="r", index=0, text="Good evening.", **common),
        PlaybackInterrupted(event_id="r4", time_ns=5, reply_id="r", heard_text="", played_samples=0, **common),
    ):
        await append(broker, fact)
    [turn] = json_lines("turns", (await cli_beside("turns", "s-1", "--json"))[1])
    assert (turn["answer"], turn["written"], turn["interrupted"]) == ("", "Good evening.", True)
    output = (await cli_beside("turns", "s-1"))[1]
    assert output.splitlines()[1].endswith("✂ Hello there. → (never heard: Good evening.)")


def test_turns_on_a_narrow_terminal_keep_every_word() -> None:
    row: dict[str, Any] = {"turn": 1, "start_ms": 0, "gap_ms": None, "parts": {}, "interrupted": False, "passed": ""}
    row |= {"waited_for": "sound", "text": "What is the time " * 6, "answer": "It is noon " * 9, "written": ""}
    row |= {"opener_ms": None, "false_starts": 0}
    lines = turns._lines(row, 80)
    assert max(map(len, lines)) < 80
    assert " ".join(" ".join(lines[1:]).split()) == " ".join(f"{row['text']}→ {row['answer']}".split())
    (whole,) = turns._lines(row, None)
    assert "opener" not in whole
    (told,) = turns._lines(row | {"opener_ms": 305.4, "false_starts": 1}, None)
    assert "What is the time (opener after 305 ms, openers taken back: 1) → It is noon" in " ".join(told.split())
    assert max(map(len, turns.LEGEND)) <= 80


def test_sessions_fit_eighty_columns_without_breaking_a_word() -> None:
    rows = [
        SessionRow("20261122-183015-9f2c1ab4", 1_780_000_000 * 10**9, "websocket", "caller", 3, closed="hangup"),
        SessionRow("20261122-183015-9f2c1ab5", 1_780_000_000 * 10**9, "websocket", "x" * 40, 12, here=("ann", "agent")),
    ]
    rows[0].last_ns = rows[0].opened_ns + 3723 * 10**9
    lines = table_of_sessions(rows, 80)
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["session", "began", "(UTC)", "length", "door", "user", "turns", "state"]
    assert lines[1].split()[1:] == ["2026-05-28", "20:26", "1:02:03", "websocket", "caller", "3", "hangup"]
    assert "xxxxx…" in lines[2]
    assert [line.split()[-1] for line in lines[2:]] == ["open:", "ann,", "agent"]


def test_settings_on_a_narrow_terminal_break_no_name(capsys: pytest.CaptureFixture[str]) -> None:
    code, output, _ = cli("settings")
    assert code == 0
    assert any(len(line) > 80 for line in output.splitlines())
    checks._list_settings(dict.fromkeys(Settings.model_fields, ""))
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("DAREDEVIL_")]
    assert names == [f"DAREDEVIL_{name.upper()}" for name in Settings.model_fields]


def test_help_is_wrapped_once() -> None:
    done = subprocess.run(
        (sys.executable, "-m", "infra.cli", "export", "--help"),
        env={**os.environ, "COLUMNS": "80", "TERMINAL_WIDTH": "80"},
        capture_output=True,
        text=True,
        check=True,
    )
    paragraph = done.stdout[done.stdout.index("json has everything") :].split("\n\n")[0].split("Arguments")[0]
    lines = [line.strip() for line in paragraph.splitlines() if line.strip() and "─" not in line]
    assert len(lines) > 1
    for line, following in pairwise(lines):
        assert len(line) + 1 + len(following.split()[0]) > 74, line


def test_a_users_words_and_a_sessions_are_not_erased_together() -> None:
    code, _, errors = cli("erase", "--user", "a", "--session", "b")
    assert code == 2
    assert "--user and --session cannot go together" in errors


def test_a_port_in_use_is_reported_before_the_model_is_loaded() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, _, errors = cli("llm", "--port", str(taken.getsockname()[1]))
    assert code == 1
    assert "choose another port with --port" in errors
    assert "serving on" not in errors


@pytest.mark.parametrize("arguments", [("say", "tests/data/hello.wav"), ("export", "s-1")])
def test_a_target_in_a_folder_that_is_not_there_is_refused_alike(arguments: tuple[str, ...], empty_dir: Path) -> None:
    code, _, errors = cli(*arguments, "--out", str(empty_dir / "no" / "such" / "file"))
    assert code == 2
    assert "there is no directory" in errors


def test_settings_in_json_have_their_types() -> None:
    assert in_json("port", 8030) == 8030
    assert in_json("livekit", False) is False
    assert in_json("data_dir", Path(".daredevil")) == ".daredevil"
    assert in_json("llm_options", {}) == {}
    assert in_json("llm_options", {"api_key": "sk-1", "temperature": 0}) == {"api_key": "…", "temperature": 0}
    assert in_json("admin_key", "hunter2") == "…"


@pytest.mark.parametrize(
    ("app_name", "variable", "value", "said"),
    [
        ("projections.pulsar:app", "DAREDEVIL_PULSAR_URL", "", "set DAREDEVIL_PULSAR_URL"),
        ("projections.postgres:app", "DAREDEVIL_POSTGRES_URL", "off", "DAREDEVIL_POSTGRES_URL is `off`"),
    ],
)
def test_a_projection_without_its_server_ends_with_one_line(
    app_name: str, variable: str, value: str, said: str
) -> None:
    done = subprocess.run(
        (sys.executable, "-m", "faststream", "run", app_name),
        env={**os.environ, variable: value},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr
    assert [line for line in (done.stdout + done.stderr).splitlines() if said in line]


async def test_turns_are_a_line_each_with_gap_and_parts(broker: NatsBroker) -> None:
    await a_session(broker)
    common = {"session_id": "s-1", "turn_id": "t1"}
    parts = LatencyParts(endpointing_ms=400, stt_ms=60, first_token_ms=90, first_audio_ms=40, bus_ms=5, playback_ms=3)
    for fact in (
        ReplyStarted(event_id="r1", time_ns=2, reply_id="r", text="Hello there.", **common),
        ReplyClauseWritten(event_id="r2", time_ns=3, reply_id="r", index=0, text="Good evening to you.", **common),
        PlaybackStarted(event_id="r3", time_ns=4, reply_id="r", gap_ms=598, parts=parts, **common),
        PlaybackInterrupted(
            event_id="r4", time_ns=5, reply_id="r", heard_text="Good evening", played_samples=9, **common
        ),
    ):
        await append(broker, fact)
    code, output, _ = await cli_beside("turns", "s-1")
    assert code == 0
    line = output.splitlines()[1]
    assert line.split()[:9] == ["1", "0:00", "598", "400", "0", "60", "90", "0", "40"]
    assert line.endswith("✂ Hello there. → Good evening")
    [turn] = json_lines("turns", (await cli_beside("turns", "s-1", "--json"))[1])
    assert (turn["gap_ms"], sum(turn["parts"].values()), turn["interrupted"]) == (598, 598, True)
    code, _, errors = await cli_beside("turns", "nobody")
    assert code == 2
    assert "nobody" in errors


async def test_latency_says_what_was_waited_for_in_a_session_or_some_time(broker: NatsBroker) -> None:
    at_ns = time.time_ns()
    common = {"session_id": "s-9", "turn_id": "t1", "reply_id": "r"}
    evidence = {"silence_ms": 651, "required_silence_ms": 651, "speech_ended_ns": at_ns, "text_ready_ns": at_ns + 9}
    parts = LatencyParts(endpointing_ms=655, playback_ms=3)
    for fact in (
        TurnEnded(
            event_id="l1",
            session_id="s-9",
            turn_id="t1",
            time_ns=at_ns,
            participant_id="p",
            text="Where is my [bold]parcel[/]?",
            evidence=evidence,
        ),
        ReplyStarted(event_id="l2", time_ns=at_ns, text="Where is my parcel?", draft=True, **common),
        PlaybackStarted(
            event_id="l3",
            time_ns=at_ns,
            gap_ms=658,
            parts=parts,
            waited_for="turn",
            ready_before_ms=298,
            beside=LatencyParts(stt_ms=120, first_token_ms=90),
            **common,
        ),
    ):
        await append(broker, fact)
    code, output, _ = await cli_beside("latency", "s-9")
    assert code == 0
    assert "gap median 658 ms" in output
    assert "waited 298 ms (median) for the turn's end" in output
    assert "651 ms of silence were required" in output
    assert "[bold]parcel[/]" in output
    [found] = json_lines("latency", (await cli_beside("latency", "--since", "1h", "--json"))[1])
    assert (found["turns"], found["parts"]["endpointing_ms"]["on_path"]) == (1, 1)
    assert found["parts"]["stt_ms"]["beside"] == 1
    assert found["slowest"][0]["cause"] == "651 ms of silence were required"
    code, _, errors = await cli_beside("latency", "--since", "yesterday")
    assert (code, "give an age such as 2d" in errors) == (2, True)
