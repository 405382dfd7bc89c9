"""An error is told by its class and message, or by a message that says all."""

import pytest

from infra.cannot_run import CannotRun
from infra.engines.chain import EngineRaised, EngineTooSlow
from infra.process.error_text import ERROR_CHARS, error_text, in_one_line, kind_of


class RateLimited(Exception):
    status_code = 429


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("no\n  such voice"), "ValueError: no\n  such voice"),
        (TimeoutError(), "TimeoutError"),
        (RateLimited("come back later"), "RateLimited (status 429): come back later"),
        (RateLimited("429: come back later"), "RateLimited: 429: come back later"),
        (RateLimited(), "RateLimited (status 429)"),
        (EngineTooSlow("silent for 2 s"), "silent for 2 s"),
        (EngineRaised("ValueError: no such voice"), "ValueError: no such voice"),
        (CannotRun("set this"), "set this"),
        (CannotRun(), "CannotRun"),
        (ExceptionGroup("two", [ValueError("a"), KeyError("b")]), "ValueError: a; KeyError: 'b'"),
    ],
)
def test_its_class_status_and_message_are_told_once(error: Exception, text: str) -> None:
    assert error_text(error) == text


def test_a_page_of_text_is_cut() -> None:
    assert len(error_text(ValueError("x" * 2 * ERROR_CHARS))) == ERROR_CHARS


def test_beside_a_figure_it_is_one_line() -> None:
    assert in_one_line(OSError("no\n  such disk")) == "OSError: no such disk"


@pytest.mark.parametrize("text", ["RateLimited (status 429): what you asked", "RateLimited (status 429)"])
def test_a_log_has_its_class_and_status_alone(text: str) -> None:
    assert kind_of(text) == "RateLimited (status 429)"
