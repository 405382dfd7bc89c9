"""What is on a tape: deliveries in the order they were handed to the code, and the kinds that every tape knows.

An actor adds kinds of its own for what only it takes in (`report`, `tick`); those of the log's answers are in
`infra.log.taped_log`.
"""

import hashlib
from typing import Any

import msgpack

from contracts.journal import Delivery as Delivery

ASKED, ANSWER, PART, END, FAILED = "asked", "answer", "part", "end", "failed"
"""Kinds of what passes between the code and engines. Payloads are lists that begin with the request's number: requests
of a tape count from 0, in the order they were made.

`asked`: number, kind, key, digest of the request (noted when it is made); `answer`: number, packed result; `part`:
number, packed piece; `end`: number (all pieces were handed over); `failed`: number, name of the exception's class, its
text.
"""

HANDLED, LIVE, FOLLOWED, TAKEN = "handled", "live", "fact", "taken"
"""Kinds of facts that are handed to the code: to a handler of an inbox, to one of a plain subscription, from a session
feed (payload of all: their sequence); to a handler of an inbox without a message (payload: the event's id)."""

CANCELLED = "cancelled"
"""Kind of what ends a handler of an inbox from outside: its process was frozen and has lost the message, or it ends
(payload: that of the handler's own delivery)."""

DIGEST_BYTES = 6


def digest_of(request: Any) -> Any:
    """Return what the tape keeps of a request: a digest; of a map, a digest of each value by its key.

    So a difference can say which part of the request differs although the tape holds none of its words. The order of
    keys makes no difference. Raises TypeError, ValueError or OverflowError for a request that is not plain.
    """
    if isinstance(request, dict):
        return {str(key): _digest(value) for key, value in request.items()}
    return _digest(request)


def _digest(value: Any) -> bytes:
    return hashlib.blake2b(bytes(msgpack.packb(_sorted(value))), digest_size=DIGEST_BYTES).digest()


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_sorted(each) for each in value]
    return value
