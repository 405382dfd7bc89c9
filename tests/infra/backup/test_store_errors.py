"""What object stores answer, in words."""

import pytest

from infra.backup.store_errors import reason


def answered(status: str, body: str) -> OSError:
    return OSError(
        f"Error performing PUT http://store/x in 3ms - Server returned non-2xx status code: {status}: {body}"
    )


@pytest.mark.parametrize(
    ("scheme", "status", "body", "said"),
    [
        (
            "s3",
            "403 Forbidden",
            "<Error><Code>SignatureDoesNotMatch</Code></Error>",
            "AWS_ACCESS_KEY_ID and AWS_SECRET",
        ),
        ("s3", "403 Forbidden", "<Error><Code>AccessDenied</Code></Error>", "allow it to read, write, list and delete"),
        ("s3", "403 Forbidden", "", "allow it to read, write, list and delete"),
        ("s3", "400 Bad Request", "<Error><Code>ExpiredToken</Code></Error>", "the keys have expired"),
        ("s3", "403 Forbidden", "<Error><Code>RequestTimeTooSkewed</Code></Error>", "the clock of this machine"),
        ("gs", "404 Not Found", "<Error><Code>NoSuchBucket</Code></Error>", "there is no such bucket"),
        ("az", "404 Not Found", "<Error><Code>ContainerNotFound</Code></Error>", "there is no such container"),
        ("az", "403 Forbidden", "<Error><Code>AuthenticationFailed</Code></Error>", "AZURE_STORAGE_ACCOUNT_KEY"),
        ("gs", "401 Unauthorized", '{"error": "invalid"}', "GOOGLE_SERVICE_ACCOUNT"),
        ("s3", "500 Internal Server Error", "<Error>\n</Error>", "status code: 500 Internal Server Error"),
    ],
)
def test_what_a_store_answers_is_said_without_its_markup(scheme: str, status: str, body: str, said: str) -> None:
    told = reason(answered(status, body), scheme)
    assert said in told
    assert not set("<>{}\n") & set(told)


def test_a_number_of_the_system_says_what_to_do_about_a_folder() -> None:
    error = ValueError("Generic LocalFileSystem error: Unable to copy data to file: No space (os error 28)\n\nDebug")
    assert reason(error, "") == "its disk is full: make room, then run this again"
    assert reason(ValueError("Generic error: what it was: {\n}"), "") == "Generic error: what it was"
