"""What a log file is told of an exception: not what it may repeat of a conversation."""

import traceback
from types import TracebackType

from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from infra.cannot_run import CannotRun

PLAIN = (OSError, ImportError, AttributeError, NameError, TypeError, CannotRun, NatsError, JetStreamError)
"""Their messages name files, addresses, modules and names in code. Others may quote the value they refuse: a
`ValueError` of a tool its argument, a provider's error the prompt."""

LEFT_OUT = "its message is left out, as it may repeat what was said: DAREDEVIL_LOG_LEVEL=DEBUG shows it"


def told(error: BaseException) -> str:
    """Return an exception as a log line has it: its class, and its message if that can hold no words."""
    name = type(error).__qualname__
    if not isinstance(error, PLAIN):
        return f"{name} ({LEFT_OUT})" if str(error) else name
    return f"{name}: {error}" if str(error) else name


def told_traceback(error: BaseException, came_through: TracebackType | None) -> str:
    """Return where an exception was raised and what led to it, each as `told` has it."""
    parts = []
    if (before := error.__cause__ or (None if error.__suppress_context__ else error.__context__)) is not None:
        parts.append(told_traceback(before, before.__traceback__))
    parts.append("Traceback (most recent call last):")
    parts.append("".join(traceback.format_tb(came_through)).rstrip("\n"))
    parts.append(told(error))
    return "\n".join(part for part in parts if part)
