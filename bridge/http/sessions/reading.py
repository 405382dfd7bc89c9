"""What the routes that read the log share."""

import re
from typing import Annotated

from fastapi import Path
from faststream.nats import NatsBroker
from nats.aio.client import Client
from pydantic import AfterValidator

from bridge.http.problems import Problem, log_away
from contracts.events import Event
from contracts.ids import ID_PATTERN
from contracts.topology import checked_session
from infra.log.connection import connection
from infra.log.event_log import facts_after

READ_PATIENCE_S = 3.0

PathId = Annotated[
    str,
    AfterValidator(checked_session),
    Path(description="A session id, as the list has them.", json_schema_extra={"pattern": ID_PATTERN}),
]

SEQUENCE_PATTERN = r"^[0-9]{1,18}$"


def checked_sequence(text: str) -> str:
    """Return a sequence as the API writes it. Raises ValueError."""
    if not re.fullmatch(SEQUENCE_PATTERN, text):
        raise ValueError("a `sequence` is a whole number of at most 18 digits")
    return text


Sequence = Annotated[str, AfterValidator(checked_sequence)]

CURSOR_PATTERN = r"^[1-9][0-9]{0,17}$"


def checked_cursor(text: str) -> str:
    """Return where a page of the list begins. Raises ValueError."""
    if not re.fullmatch(CURSOR_PATTERN, text):
        raise ValueError("a cursor is the `next` of the previous page, unchanged")
    return text


Cursor = Annotated[str, AfterValidator(checked_cursor)]


def connected(broker: NatsBroker) -> Client:
    """Return the connection to NATS. Raises Problem while the log is away."""
    nc = connection(broker)
    if not nc.is_connected:
        raise log_away()
    return nc


async def facts_of(broker: NatsBroker, session_id: str) -> list[Event]:
    """Return a session's facts. Raises Problem if there are none."""
    connected(broker)
    facts = [fact.event for fact in await facts_after(broker, session_id, patience_s=READ_PATIENCE_S)]
    if not facts:
        raise Problem("session-unknown", f"the log has no session {session_id}")
    return facts
