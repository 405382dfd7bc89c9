"""How `daredevil chat` shows an answer."""

import io
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from infra.caller.chat import ChatEvent
from infra.cli import chat
from infra.cli.agents import wished
from infra.cli.app import app
from infra.cli.chat import MOST_SHOWN, _is_empty, _Json, _lines, _Shown


def shown(*events: tuple[str, dict[str, Any]]) -> None:
    answer = _Shown()
    for name, data in events:
        answer.take(ChatEvent(name, data))


def test_an_answer_appears_as_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    shown(("session", {}), ("token", {"text": " Good"}), ("token", {"text": " day."}), ("clause", {}), ("done", {}))
    assert capsys.readouterr().out == "agent> Good day.\n"


def test_tools_stand_on_lines_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    called = {"call_id": "c", "tool": "find_tables", "arguments": '{"people": 4}'}
    ended = {"call_id": "c", "tool": "find_tables", "result": "x" * 999, "error": None, "elapsed_ms": 12.3}
    shown(("token", {"text": "One moment."}), ("tool-started", called), ("tool-ended", ended), ("done", {}))
    captured = capsys.readouterr()
    assert captured.out == "agent> One moment.\n"
    assert captured.err.splitlines() == [
        '  find_tables {"people": 4}',
        f"  find_tables → {'x' * MOST_SHOWN}… (12 ms)",
    ]


def test_a_tool_that_failed_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    shown(("tool-ended", {"tool": "book", "result": "", "error": "no table", "elapsed_ms": 3}))
    assert capsys.readouterr().err == "  book → error: no table (3 ms)\n"


def test_an_answer_that_failed_says_where_the_reason_is(capsys: pytest.CaptureFixture[str]) -> None:
    shown(("token", {"text": "I am sorry."}), ("done", {"finish": "failed", "session_id": "s-1"}))
    captured = capsys.readouterr()
    assert captured.out == "agent> I am sorry.\n"
    assert "`daredevil events s-1` says why" in captured.err


@pytest.mark.parametrize(
    ("stored", "lines"),
    [("Good day, Sam.", "agent> Good day, Sam.\n"), ("Hello.", "agent> Good day,\nagent> Hello.\n")],
    ids=["goes on", "is rewritten"],
)
def test_lost_tokens_are_made_up_for(stored: str, lines: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown(("token", {"text": "Good day,"}), ("reset", {"text": stored}), ("done", {}))
    assert capsys.readouterr().out == lines


def test_programs_get_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    _Json().take(ChatEvent("token", {"text": "Grüße"}))
    assert capsys.readouterr().out == '{"name": "token", "text": "Grüße"}\n'


async def test_piped_lines_are_turns_with_marks_in_place_of_what_is_no_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    piped = io.BytesIO(b"caf\xe9?\n\n  And now? \n\xff\nlast")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(piped, encoding="utf-8", errors="surrogateescape"))
    assert [line async for line in _lines()] == ["caf\ufffd?", "And now?", "\ufffd", "last"]


def test_where_nothing_will_come_no_system_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/null").open() as nothing:
        assert _is_empty(nothing)
    monkeypatch.setattr(chat, "_is_empty", lambda _: True)
    result = CliRunner().invoke(app, ["chat"])
    assert result.exit_code == 2
    assert "standard input is empty: type in a terminal, or give lines" in result.stderr


def test_what_may_still_come_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "lines").write_text("Hello.\n")
    with (tmp_path / "lines").open() as lines:
        assert not _is_empty(lines)
        assert lines.readline() == "Hello.\n"
    reading, writing = os.pipe()
    with os.fdopen(reading) as piped:
        assert not _is_empty(piped)
        os.close(writing)
        assert _is_empty(piped)


def test_an_agent_and_its_variables_are_wished_for() -> None:
    assert wished("", None) == {}
    assert wished("booking", ["restaurant=Sole", "note=a=b"]) == {
        "agent": "booking",
        "variables": {"restaurant": "Sole", "note": "a=b"},
    }


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["no-such-file.py"], "there is no such file"),
        (["--variable", "restaurant"], "not of the form NAME=VALUE"),
        (["booking.py", "--url", "http://h"], "a system elsewhere has agents of its own"),
        (["--user", ""], "--user must have 1 to 256 characters"),
        (["--agent", "bokking"], "there is no agent 'bokking'; there are: default; nothing is running here"),
        (
            ["tests.infra.agents.booking_agents", "--agent", "bokking"],
            "there is no agent 'bokking'; there are: booking",
        ),
    ],
)
def test_what_cannot_be_meant_is_told_before_anything_is_started(arguments: list[str], problem: str) -> None:
    result = CliRunner().invoke(app, ["chat", *arguments])
    assert result.exit_code == 2
    assert problem in result.stderr


def test_a_variable_that_nobody_gives_is_told_before_anything_is_started(tmp_path: Path) -> None:
    shop = tmp_path / "shop.py"
    shop.write_text("from actors.reasoning import Agent\na = Agent(name='shop', instructions='At {place}.')\n")
    result = CliRunner().invoke(app, ["chat", str(shop)])
    assert result.exit_code == 2
    assert "the instructions of agent 'shop' need a value for place: --variable place=…" in result.stderr
