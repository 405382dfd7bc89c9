"""Ending a session from outside, whichever door and process has it."""

import logging

from faststream.nats import NatsBroker
from nats.errors import NoRespondersError

from bridge.call.session_events import closing_events, left_open
from bridge.call.session_state import SessionState, session_state_of
from bridge.http.chat.conversations import Conversations
from bridge.http.chat.session_events import HTTP
from bridge.http.problems import Problem
from bridge.http.sessions.reading import facts_of
from contracts.events import SessionErased
from contracts.topology import (
    end_subject,
)
from infra.log.connection import connection
from infra.log.event_log import append, now_ns

log = logging.getLogger(__name__)

END_TIMEOUT_S = 8.0
APPEND_PATIENCE_S = 3.0


async def close_session(broker: NatsBroker, conversations: Conversations, session_id: str) -> None:
    """End a session; does nothing if it has ended. Raises Problem, and what the log raises."""
    facts = await facts_of(broker, session_id)
    state = session_state_of(facts)
    if state.closed or any(isinstance(fact, SessionErased) for fact in facts):
        return
    if state.door == HTTP:
        await conversations.end(session_id)
        return
    try:
        await connection(broker).request(end_subject(session_id), timeout=END_TIMEOUT_S)
    except NoRespondersError:
        await _end_what_nobody_holds(broker, state, session_id)
    except TimeoutError as error:
        message = f"the door that holds session {session_id} has not ended it yet; try again"
        raise Problem("not-available", message, retry_after_s=2) from error


async def _end_what_nobody_holds(broker: NatsBroker, state: SessionState, session_id: str) -> None:
    log.info("session %s is ended though no door holds it", session_id)
    now = now_ns()
    events = [
        *left_open(session_id, state, now, "hangup"),
        *closing_events(session_id, state.people, "hangup", now),
    ]
    for event in events:
        await append(broker, event, patience_s=APPEND_PATIENCE_S)
