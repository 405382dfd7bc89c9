"""Values that an option cannot take: what is wrong is said in plain words, before anything is started."""

import pytest
from typer.testing import CliRunner

from infra.cli.app import app


def refused(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert (result.exit_code, result.stdout) == (2, "")
    return " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("replay", "s-1", "--from-turn", "0"), "'--from-turn': 0 is too small: give 1 or more"),
        (("replay", "s-1", "--from-turn", "1.5"), "'--from-turn': '1.5' is not a whole number"),
        (("sessions", "--limit", "-1"), "'--limit': -1 is too small: give 0 or more"),
        (("llm", "--port", "70000"), "'--port': 70000 is too large: give 65535 or less"),
        (("dead", "retry", "x"), "'N': 'x' is not a whole number"),
        (("bench", "rooms", "--minutes", "0"), "'--minutes': 0 is too small: give 0.2 or more"),
        (("bench", "rooms", "--minutes", "inf"), "'--minutes': inf is too large: give 1440 or less"),
        (("bench", "rooms", "--minutes", "soon"), "'--minutes': 'soon' is not a number"),
        (("export", "s-1", "-f", "mp3"), "'--format' / '-f': 'mp3' is not one of 'json', 'md', 'txt'"),
    ],
)
def test_a_value_is_refused_in_plain_words(arguments: tuple[str, ...], problem: str) -> None:
    assert f"Invalid value for {problem}" in refused(*arguments)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("replay", "s-1", "-o", "x.mp3"), "--out x.mp3: what is written is WAV, not mp3: name it x.wav"),
        (("say", "tests/data/hello.wav", "--out", "x.ogg"), "--out x.ogg: what is written is WAV, not ogg"),
        (("export", "s-1", "-o", "x.mp3"), "--out x.mp3: there is no format mp3: choose one with --format: json, md,"),
        (("export", "s-1", "-o", "x.txt", "-f", "md"), "--out x.txt: what is written is MD, not txt: name it x.md"),
    ],
)
def test_a_file_whose_name_promises_another_format_is_not_written(arguments: tuple[str, ...], problem: str) -> None:
    assert problem in refused(*arguments)
