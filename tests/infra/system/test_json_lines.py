"""What servers log, as JSON like everything else."""

import json
from pathlib import Path

import pytest

from infra.system.json_lines import ServerLines
from infra.system.logs import LogTail

NOW_S = 1_796_000_000.25


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[77] 2026/11/22 19:37:51.803123 [WRN] slow",
            {"time": "2026-11-22T19:37:51.803Z", "level": "WARNING", "message": "slow"},
        ),
        (
            "2026-11-22 19:37:51.803 UTC postgres: FATAL:  no space left",
            {"time": "2026-11-22T19:37:51.803Z", "level": "CRITICAL", "message": "no space left"},
        ),
        (
            '2026-11-22T19:37:51.803Z\tINFO\tlivekit\trtc/room.go:1\tjoined\t{"room": "hall"}',
            {
                "time": "2026-11-22T19:37:51.803Z",
                "level": "INFO",
                "message": 'livekit\trtc/room.go:1\tjoined\t{"room": "hall"}',
            },
        ),
        ("12:00:02 WARNING llm: careful", {"time": "2026-11-30T00:53:20.250Z", "level": "WARNING"}),
        ("no form at all", {"time": "2026-11-30T00:53:20.250Z", "level": "INFO", "message": "no form at all"}),
    ],
)
def test_every_server_s_own_form(text: str, expected: dict[str, str]) -> None:
    line = json.loads(ServerLines("nats").line(text, NOW_S))
    assert line["service"] == "nats"
    assert {name: line[name] for name in expected} == expected


def test_what_follows_a_line_has_its_level_and_json_stays_as_it_is() -> None:
    lines = ServerLines("postgres")
    lines.line("2026-11-22 19:37:51 UTC postgres: ERROR:  no", NOW_S)
    assert json.loads(lines.line("\tat character 7", NOW_S))["level"] == "ERROR"
    assert lines.line('{"level": "INFO"}', NOW_S) == '{"level": "INFO"}'
    assert json.loads(lines.line("{broken", NOW_S))["message"] == "{broken"


def test_what_a_server_writes_is_converted_as_it_comes_and_warnings_are_still_shown(tmp_path: Path) -> None:
    raw, converted = tmp_path / "raw.log", tmp_path / "nats.log"
    raw.write_text("")
    tail = LogTail(raw, ServerLines("nats"), converted)
    with raw.open("a") as file:
        file.write("[7] 2026/11/22 19:37:51.803123 [INF] ready\n[7] 2026/11/22 19:37:51.803123 [ERR] no spa")
    assert tail.loud_lines() == []
    with raw.open("a") as file:
        file.write("ce left\n")
    assert tail.loud_lines() == ["[7] 2026/11/22 19:37:51.803123 [ERR] no space left"]
    assert [json.loads(line)["message"] for line in converted.read_text().splitlines()] == ["ready", "no space left"]
    tail.keep_small(most_bytes=10)
    assert (raw.stat().st_size, converted.stat().st_size) == (0, 0)
    assert (tmp_path / "nats.log.1").read_text()
