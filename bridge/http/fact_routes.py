"""`/sessions/{id}/facts`: everything that happened in a session, page by page, or as it happens (SSE)."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from faststream.nats import NatsBroker
from nats.aio.client import Client
from sse_starlette import EventSourceResponse, ServerSentEvent

from bridge.http.models import FactItem, FactPage, SessionId
from bridge.http.problems import Problem, responses
from bridge.http.reading import PathId, connected
from infra.facts import Fact, history
from infra.feed import SessionFeed

EVENT_STREAM = "text/event-stream"
MOST_FACTS = 1_000
PING_S = 15
SEND_TIMEOUT_S = 20.0
SEQUENCE = r"^\d{1,18}$"

_STREAMED: dict[str, Any] = {
    "description": (
        "The facts, the oldest first. With `Accept: text/event-stream` those there are and then each as it is stored, "
        "without end: the event `fact` has such a fact as JSON, and its `sequence` as its id."
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
        after: Annotated[str, Query(pattern=SEQUENCE, description="Only facts behind this `sequence`.")] = "0",
        limit: Annotated[int, Query(ge=1, le=MOST_FACTS, description="How many on a page.")] = 200,
        last_event_id: Annotated[
            str, Header(pattern=SEQUENCE, description="Where a stream goes on: as `after`. Browsers send it.")
        ] = "0",
    ) -> Response:
        """Return facts as the log has them: `asyncapi.yaml` says what each is.

        A stream that broke off is gone on with by `Last-Event-ID`, with nothing lost and nothing twice.
        """
        nc = connected(broker)
        begin = max(int(after), int(last_event_id))
        if not await _is_known(nc, session_id):
            raise Problem("session-unknown", f"the log has no session {session_id}")
        if EVENT_STREAM in request.headers.get("accept", ""):
            return EventSourceResponse(_events(broker, session_id, begin), ping=PING_S, send_timeout=SEND_TIMEOUT_S)
        page = await _page(nc, session_id, begin, limit)
        return JSONResponse(page.model_dump(mode="json"), headers={"Cache-Control": "no-store"})


async def _is_known(nc: Client, session_id: SessionId) -> bool:
    async for _ in history(nc, session_id, subjects=f"voice.{session_id}.session.*"):
        return True
    return False


async def _page(nc: Client, session_id: SessionId, after: int, limit: int) -> FactPage:
    facts: list[FactItem] = []
    async for fact in history(nc, session_id, after):
        if len(facts) == limit:
            return FactPage(facts=facts, next=str(facts[-1].sequence))
        facts.append(_item(fact))
    return FactPage(facts=facts, next=None)


async def _events(broker: NatsBroker, session_id: SessionId, after: int) -> AsyncIterator[ServerSentEvent]:
    async with SessionFeed(broker, session_id, after) as feed:
        async for fact in feed:
            data = json.dumps(_item(fact).model_dump(mode="json"), ensure_ascii=False, separators=(",", ":"))
            yield ServerSentEvent(data, event="fact", id=str(fact.sequence))


def _item(fact: Fact) -> FactItem:
    fields = fact.event.model_dump(mode="json", exclude_none=True)
    return FactItem(sequence=fact.sequence, name=type(fact.event).__name__, data=fields)
