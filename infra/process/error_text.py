"""What is told of an error: in facts, in logs, and beside a figure that it cost. Pure."""

from infra.cannot_run import CannotRun

ERROR_CHARS = 500
"""Longest text of an error: some providers answer with a whole page."""


class SaysWhy(Exception):
    """An error whose text says what happened by itself, so that its class is not told."""


def error_text(error: BaseException) -> str:
    """Return the text of an error: its class, its HTTP status if its message does not have it, and the message.

    Of several errors at once, each.
    """
    return _text_of(error)[:ERROR_CHARS]


def in_one_line(error: BaseException) -> str:
    """Return the text of an error without line breaks."""
    return " ".join(_text_of(error).split())[:ERROR_CHARS]


def kind_of(error: str) -> str:
    """Return of an error's text what may stand in a log: its class and status.

    Providers repeat in their messages what they were asked. The whole text is in the fact (EngineFailed), which erasure
    finds.
    """
    return error.partition(":")[0]


def _text_of(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(_text_of(each) for each in error.exceptions)
    message = str(error)
    if message and isinstance(error, CannotRun | SaysWhy):
        return message
    status = getattr(error, "status_code", None)
    is_told = not isinstance(status, int) or status < 100 or str(status) in message
    kind = f"{type(error).__name__}{'' if is_told else f' (status {status})'}"
    return f"{kind}: {message}" if message else kind
