"""`/sessions/{id}/facts`: everything that happened in a session, page by page, or as it happens (SSE)."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from faststream.nats import NatsBroker
from nats.aio.client import Client
from sse_starlette import EventSourceResponse, ServerSentEvent

from bridge.call.session_events import SUMMARY_PATIENCE_S
from bridge.http.conditions import EVENT_STREAM, wants_events
from bridge.http.models import FactItem, FactPage, SessionId
from bridge.http.problems import Problem, responses
from bridge.http.sessions.reading import SEQUENCE_PATTERN, PathId, Sequence, connected
from contracts.events import Event, SessionClosed, SessionErased, SummaryWritten
from contracts.topology import (
    event_subject,
    session_subjects,
)
from infra.log.event_log import Fact, history, now_ns
from infra.log.session_feed import SessionFeed

MOST_FACTS = 1_000
PING_S = 15
SEND_TIMEOUT_S = 20.0
_PLACE: dict[str, Any] = {"json_schema_extra": {"pattern": SEQUENCE_PATTERN}}

_STREAMED: dict[str, Any] = {
    "description": (
        "The facts, the oldest first. With `Accept: text/event-stream`, the stored ones and then each new one, "
        "until no more can come: the event `fact` has such a fact as JSON, and its `sequence` as its id. The "
        "last event is `end` {session_id, reason}: the session was `closed` and its summary written (or none came "
        "within 60 s), or it was `erased`. Close the `EventSource` at it: it would connect again."
    ),
    "content": {
        EVENT_STREAM: {
            "schema": {"type": "string"},
            "example": 'id: 7\r\nevent: fact\r\ndata: {"sequence":7,"name":"TurnEnded","data":{}}\r\n\r\n',
        }
    },
}


def add_facts(router: APIRouter, broker: NatsBroker) -> None:
    """Add the route."""

    @router.get(
        "/{session_id}/facts",
        summary="Everything that happened, in order",
        response_model=FactPage,
        responses={**responses(404), 200: _STREAMED},
    )
    async def list_facts(
        session_id: PathId,
        request: Request,
        after: Annotated[Sequence, Query(description="Only facts behind this `sequence`.", **_PLACE)] = "0",
        limit: Annotated[int, Query(ge=1, le=MOST_FACTS, description="How many on a page.")] = 200,
        last_event_id: Annotated[
            Sequence, Header(description="Where a stream resumes, like `after`. Browsers send it.", **_PLACE)
        ] = "0",
    ) -> Response:
        """Return facts as the log has them; `asyncapi.yaml` describes each.

        A stream that broke off resumes with `Last-Event-ID`: nothing is lost and nothing repeated.
        """
        nc = connected(broker)
        begin = max(int(after), int(last_event_id))
        end = await _end_of(nc, session_id)
        if wants_events(", ".join(request.headers.getlist("accept"))):
            return EventSourceResponse(_events(broker, end, begin), ping=PING_S, send_timeout=SEND_TIMEOUT_S)
        page = await _page(nc, session_id, begin, limit)
        return JSONResponse(page.model_dump(mode="json"), headers={"Cache-Control": "no-store"})


@dataclass(slots=True)
class StreamEnd:
    """Notices when a session can have no more facts."""

    session_id: str
    closed_ns: int = 0
    is_erased: bool = False
    is_summed_up: bool = False

    def take(self, event: Event) -> None:
        """Take a fact; the order does not matter."""
        match event:
            case SessionClosed():
                self.closed_ns = event.time_ns
            case SessionErased():
                self.is_erased = True
            case SummaryWritten():
                self.is_summed_up = True

    def reason(self, now_ns: int) -> str:
        """Return why no more facts come, "" while some may."""
        if self.is_erased:
            return "erased"
        has_waited = now_ns - self.closed_ns > SUMMARY_PATIENCE_S * 1e9
        return "closed" if self.closed_ns and (self.is_summed_up or has_waited) else ""


async def _end_of(nc: Client, session_id: SessionId) -> StreamEnd:
    """Return the state of a session. Raises Problem if there is none."""
    end, is_known = StreamEnd(session_id), False
    async for fact in history(nc, session_id, subjects=session_subjects(session_id, "session")):
        end.take(fact.event)
        is_known = True
    if not is_known:
        raise Problem("session-unknown", f"the log has no session {session_id}")
    async for fact in history(nc, session_id, subjects=event_subject(session_id, SummaryWritten)):
        end.take(fact.event)
    return end


async def _page(nc: Client, session_id: SessionId, after: int, limit: int) -> FactPage:
    facts: list[FactItem] = []
    async for fact in history(nc, session_id, after):
        if len(facts) == limit:
            return FactPage(facts=facts, next=str(facts[-1].sequence))
        facts.append(_item(fact))
    return FactPage(facts=facts, next=None)


async def _events(broker: NatsBroker, end: StreamEnd, after: int) -> AsyncIterator[ServerSentEvent]:
    session_id = end.session_id
    async with SessionFeed(broker, session_id, after, is_over=lambda: bool(end.reason(now_ns()))) as feed:
        async for fact in feed:
            end.take(fact.event)
            yield ServerSentEvent(_json(_item(fact).model_dump(mode="json")), event="fact", id=str(fact.sequence))
    yield ServerSentEvent(_json({"session_id": session_id, "reason": end.reason(now_ns())}), event="end")


def _json(data: Mapping[str, object]) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def _item(fact: Fact) -> FactItem:
    fields = fact.event.model_dump(mode="json", exclude_none=True)
    return FactItem(sequence=fact.sequence, name=type(fact.event).__name__, data=fields)
