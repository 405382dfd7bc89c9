"""What stays of facts whose words are erased: pure functions from stored messages to SessionErased."""

import calendar
import re
import time
from collections.abc import Sequence
from typing import Any

import msgpack

from contracts.answers import Cause, answer
from contracts.codec import MAX_EVENT_BYTES
from contracts.events import ErasedFact, Event, SessionErased
from contracts.personal_data import bears_words
from contracts.topology import UnknownSubject, event_class_of
from infra.log.stream_reader import StoredMessage

MOST_ENTRIES = 500
"""Entries of one SessionErased: with the longest ids they are 300 kB, well below the limit of NATS."""


def left_behind(message: StoredMessage) -> ErasedFact | None:
    """Return what stays of a message of the log that contains words, None if it contains none.

    A message that cannot be read counts as containing words.
    """
    event_class = _class_of(message.subject)
    if event_class is SessionErased:
        return None
    fields = _fields(message.data)
    if event_class is not None and fields is not None and not bears_words(event_class, fields):
        return None
    fields = fields or {}
    return ErasedFact(
        sequence=message.sequence,
        event=event_class.__name__ if event_class is not None else message.subject.split(".", 2)[-1],
        event_id=_text(fields, "event_id") or message.headers.get("Nats-Msg-Id", f"sequence-{message.sequence}"),
        time_ns=_time_ns(fields, message),
        turn_id=_text(fields, "turn_id"),
        reply_id=_text(fields, "reply_id"),
    )


def in_parts(
    session_id: str, left: Sequence[ErasedFact], reason: str, time_ns: int, first_part: int
) -> list[SessionErased]:
    """Return the facts that list what stays, each small enough for one message, numbered from `first_part`."""
    pieces = [left[start : start + MOST_ENTRIES] for start in range(0, len(left), MOST_ENTRIES)]
    return [
        answer(
            Cause(session_id),
            SessionErased,
            time_ns=time_ns,
            id_from=session_id,
            id_n=part,
            reason=reason,
            part=part,
            skeleton=tuple(piece),
        )
        for part, piece in enumerate(pieces, first_part)
    ]


def _class_of(subject: str) -> type[Event] | None:
    try:
        return event_class_of(subject)
    except UnknownSubject:
        return None


def _fields(data: bytes) -> dict[str, Any] | None:
    try:
        fields = msgpack.unpackb(data, max_str_len=MAX_EVENT_BYTES, max_array_len=100_000, max_map_len=10_000)
    except Exception:  # msgpack raises many kinds of exceptions, without a documented base class
        return None
    return fields if isinstance(fields, dict) and all(isinstance(name, str) for name in fields) else None


def _text(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    # Our ids are short; words in the place of an id would not be.
    return value if isinstance(value, str) and 0 < len(value) <= 128 else None


def _time_ns(fields: dict[str, Any], message: StoredMessage) -> int:
    value = fields.get("time_ns")
    return value if isinstance(value, int) and value >= 0 else stored_ns(message.stored)


def stored_ns(stamp: str) -> int:
    """Return an RFC 3339 time of NATS (UTC, up to nanoseconds) as Unix epoch ns; 0 if it is not one."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", stamp)
    if match is None:
        return 0
    seconds = calendar.timegm(time.strptime(match[1], "%Y-%m-%dT%H:%M:%S"))
    return seconds * 1_000_000_000 + int((match[2] or "0").ljust(9, "0"))
