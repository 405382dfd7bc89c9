"""What is on a tape: deliveries in the order they were handed to the code, and the kinds that every tape knows.

An actor adds kinds of its own for what only it takes in (`report`, `tick`); those of facts are in `infra.log.taped_log`
and where the facts are handed over: `handled` (an inbox), `live` (a plain subscription), `fact` (a session feed).
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import msgpack

ASKED, ANSWER, PART, END, FAILED = "asked", "answer", "part", "end", "failed"
"""Kinds of what passes between the code and engines. Payloads are lists that begin with the request's number: requests
of a tape count from 0, in the order they were made.

`asked`: number, kind, key, digest of the request (noted when it is made); `answer`: number, packed result; `part`:
number, packed piece; `end`: number (all pieces were handed over); `failed`: number, name of the exception's class, its
text.
"""

DIGEST_BYTES = 6


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something that was handed to the code: `at_ns` on the log's clock, `payload` as MessagePack has it."""

    at_ns: int
    kind: str
    payload: Any = None


def digest_of(request: Any) -> Any:
    """Return what the tape keeps of a request: a digest; of a map, a digest of each value by its key.

    So a difference can say which part of the request differs although the tape holds none of its words.
    """
    if isinstance(request, dict):
        return {str(key): _digest(value) for key, value in request.items()}
    return _digest(request)


def _digest(value: Any) -> bytes:
    return hashlib.blake2b(bytes(msgpack.packb(value)), digest_size=DIGEST_BYTES).digest()
