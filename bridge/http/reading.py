"""What routes that read the log have in common."""

from typing import Annotated

from fastapi import Path
from faststream.nats import NatsBroker
from nats.aio.client import Client

from bridge.http.problems import Problem, log_away
from contracts.events import Event
from contracts.ids import ID_PATTERN
from infra.connection import connection
from infra.facts import facts_after

READ_PATIENCE_S = 3.0

PathId = Annotated[str, Path(pattern=ID_PATTERN, description="A session id, as the list has them.")]


def connected(broker: NatsBroker) -> Client:
    """Return the connection. Raises Problem while the log is away."""
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
