"""No log file repeats what somebody said because it was in an exception."""

import pytest
from nats.errors import TimeoutError as NatsTimeout

from infra.process.told import told, told_traceback

SECRET = "my pin is 4711"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (FileNotFoundError(2, "No such file", "/x"), "FileNotFoundError: [Errno 2] No such file: '/x'"),
        (NatsTimeout(), "TimeoutError: nats: timeout"),
        (TypeError("f() takes no arguments"), "TypeError: f() takes no arguments"),
        (ValueError(), "ValueError"),
    ],
)
def test_a_message_that_can_hold_no_words_is_told(error: Exception, expected: str) -> None:
    assert told(error) == expected


@pytest.mark.parametrize("error", [ValueError(SECRET), KeyError(SECRET), RuntimeError(SECRET), Exception(SECRET)])
def test_any_other_is_told_by_its_class_and_how_to_see_more(error: Exception) -> None:
    assert SECRET not in told(error)
    assert told(error).startswith(type(error).__name__)
    assert "DAREDEVIL_LOG_LEVEL=DEBUG" in told(error)


def test_a_traceback_names_the_places_of_all_that_led_to_it() -> None:
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            raise ValueError(SECRET) from error
    except ValueError as error:
        text = told_traceback(error, error.__traceback__)
    assert SECRET not in text.replace("raise KeyError(SECRET)", "")
    assert text.count("test_told.py") == 2
    assert text.index("KeyError") < text.index("ValueError (")
