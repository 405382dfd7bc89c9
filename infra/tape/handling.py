"""A handler's call on a tape, and known to all that it begins: which delivery it was called for."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from infra.tape.tape import Plain, Tape

HANDLING: ContextVar[Plain] = ContextVar("HANDLING", default=0)
"""Payload of the delivery whose handler runs here; 0 outside handlers. Tasks that a handler begins inherit it.

So a read of the log has a name that is the same live and in a replay, whichever of several reads was begun first.
"""


@contextmanager
def handler_called(tape: Tape, kind: str, payload: Plain) -> Iterator[None]:
    """Note that a handler is about to be called within, and that it is in progress until the end.

    `payload` is the fact's place in the log, or an event's id where there is no message.
    """
    with tape.working(), within(payload):
        if isinstance(payload, int):
            tape.took_fact(kind, payload)
        else:
            tape.took(kind, payload)
        yield


@contextmanager
def within(payload: Plain) -> Iterator[None]:
    """Have what is begun within known as begun for this delivery."""
    before = HANDLING.set(payload)
    try:
        yield
    finally:
        HANDLING.reset(before)
