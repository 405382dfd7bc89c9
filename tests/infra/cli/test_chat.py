"""How `daredevil chat` shows an answer."""

import asyncio
import io
from typing import Any

import pytest

from infra.caller.chat import ChatEvent
from infra.cli.chat import MOST_SHOWN, _Json, _piped, _Shown


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


def test_a_line_that_is_not_utf_8_is_read_with_marks_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9?\n"), errors="surrogateescape"))
    assert asyncio.run(_piped()) == "caf\ufffd?\n"
