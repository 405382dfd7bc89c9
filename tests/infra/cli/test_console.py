"""What `daredevil console` shows of a call."""

from typing import Any

import pytest
from typer.testing import CliRunner

from infra.caller import devices
from infra.cli.app import app
from infra.cli.console import CallShown, bar


@pytest.mark.parametrize(
    ("level", "filled"),
    [(0, 0), (1, 12), (0.001, 0), (0.0316, 6), (2, 12)],
    ids=["silent", "full", "-60", "-30", "over"],
)
def test_levels_are_shown_in_db(level: float, filled: int) -> None:
    assert bar(level) == "▮" * filled + "▯" * (12 - filled)


def lines(*facts: tuple[str, dict[str, Any]]) -> list[str]:
    shown = CallShown()
    return [line for name, data in facts for line in shown.take(name, data)]


def test_each_turn_and_answer_is_a_line_with_its_gap() -> None:
    assert lines(
        ("TranscriptRevised", {"text": "Hello"}),
        ("TurnEnded", {"text": "Hello [there]."}),
        ("PlaybackStarted", {"reply_id": "r", "gap_ms": 412.4}),
        ("PlaybackFinished", {"reply_id": "r", "heard_text": "Good day."}),
    ) == ["[bold]you[/]    Hello \\[there].", "[bold]agent[/]  Good day.  [dim]412 ms[/]"]


def test_an_interrupted_answer_and_a_greeting_have_what_was_heard() -> None:
    assert lines(
        ("PlaybackStarted", {"reply_id": "r", "gap_ms": None}),
        ("PlaybackInterrupted", {"reply_id": "r", "heard_text": "Good"}),
    ) == ["[bold]agent[/]  Good [yellow](interrupted)[/]"]


def test_what_is_understood_while_you_speak_is_shown_until_the_turn_ends() -> None:
    shown = CallShown()
    shown.take("TranscriptRevised", {"text": "What time"})
    assert "What time" in str(shown.__rich__())
    shown.take("TurnEnded", {"text": "What time is it?"})
    assert "What time" not in str(shown.__rich__())


def test_without_portaudio_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Any:
        raise devices.DevicesFailed(devices.NO_PORTAUDIO)

    monkeypatch.setattr(devices, "_portaudio", missing)
    result = CliRunner().invoke(app, ["console"])
    assert result.exit_code == 1
    assert "libportaudio2" in result.stderr
