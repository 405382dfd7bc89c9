"""Identifiers: which strings may name a session, and how an event's id is derived from its cause."""

import hashlib
import re
import secrets
import time
from typing import Annotated

from pydantic import StringConstraints

ID_PATTERN = r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$"
"""One subject token: lower-case letters, digits and inner hyphens, 1 to 64 characters."""

Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]

Reference = Annotated[str, StringConstraints(max_length=256)]
"""The id of a reply or a recording in an event, bounded (in characters) because tables use it as a key."""

_ID = re.compile(ID_PATTERN)


def is_id(text: str) -> bool:
    """Return whether `text` can be one token of a subject (no dots, wildcards, spaces, capitals)."""
    return _ID.match(text) is not None and not text.endswith("\n")


def derive_id(cause_id: str, name: str, n: int = 0) -> str:
    """Return the id of the `n`-th `name` that `cause_id` leads to: the same inputs, the same id.

    It is 24 hexadecimal characters, the 96-bit BLAKE2b digest of `<cause id>:<name>:<n>`: short however
    long the chain of causes is. A handler that runs twice derives the same ids and so appends the same
    event once.
    """
    return hashlib.blake2b(f"{cause_id}:{name}:{n}".encode(), digest_size=12).hexdigest()


def new_session_id() -> str:
    """Return a fresh session id that sorts by time: `20261122-183015-9f2c1ab4` (UTC, then 32 random bits)."""
    return time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + secrets.token_hex(4)
