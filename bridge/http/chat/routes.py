"""`POST /chat`: a turn by text, answered as JSON or, with `Accept: text/event-stream`, as it is written."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.types import Message

from bridge.http.auth import let_in
from bridge.http.chat.conversations import Conversations
from bridge.http.chat.exchange import ChatExchange
from bridge.http.chat.reply_stream import Clause, Piece, Reset, TextToken, ToolEnded, ToolStarted
from bridge.http.conditions import EVENT_STREAM, wants_events
from bridge.http.limiting import AddressRates
from bridge.http.models import ChatAnswer, ChatRequest
from bridge.http.problems import Problem, responses
from bridge.http.route_groups import route_group
from bridge.web.gate import Gate, Visitor
from bridge.web.origins import is_allowed_origin
from infra.process.tasks import ended
from infra.telemetry.traces import answering

PING_S = 15
SEND_TIMEOUT_S = 20.0

ANYBODY: dict[str, Any] = {"security": [{}, {"bearer": []}]}
"""For OpenAPI: a token is required if DAREDEVIL_AUTH is set."""

_STREAMED: dict[str, Any] = {
    "description": (
        "The answer. With `Accept: text/event-stream` it is sent as it is written, in events whose data is JSON: "
        "`session` {session_id, turn_id, resume_token} first; `token` {text}: the tokens together are the answer; "
        "`clause` {index, text}: the words before it are stored; `reset` {text}: replaces all text so far (tokens were "
        "lost, or go beyond what is stored); `tool-started` {call_id, tool, arguments} and `tool-ended` {call_id, "
        "tool, result, error, elapsed_ms}: what the answer had to look up or do; "
        "at the end `done`, the same object as without streaming, or `error`, a problem as in RFC 9457."
    ),
    "content": {
        EVENT_STREAM: {"schema": {"type": "string"}, "example": 'event: token\r\ndata: {"text":"Hel"}\r\n\r\n'}
    },
}


def chat_router(conversations: Conversations, addresses: AddressRates, gate: Gate, origins: Sequence[str]) -> APIRouter:
    """Return the route."""
    router = route_group("chat")
    answers = {**responses(400, 401, 403, 404, 408, 409, 413, 415, 429, 504), 200: _STREAMED}

    async def visitor_let_in(request: Request) -> Visitor:
        """Return the visitor; as a dependency it is checked before the fields."""
        if not is_allowed_origin(request.headers, origins):
            raise Problem("bad-origin", "this page is of another site")
        addresses.take(request.client.host if request.client else "")
        return await let_in(gate, request)

    @router.post(
        "/chat",
        summary="Say something to the agent",
        response_model=ChatAnswer,
        responses=answers,
        openapi_extra=ANYBODY,
    )
    async def say(
        turn: ChatRequest, request: Request, visitor: Annotated[Visitor, Depends(visitor_let_in)]
    ) -> Response:
        """Say `text` in a new conversation, or in the one of `session_id`.

        The conversation is a session like any other: stored in the log, remembered, summarised. Its first answer has a
        `resume_token`, which later turns must send. It ends by itself when nothing has been said in it for a while. If
        the client disconnects, the answer stops; the agent takes what was delivered by then as read.
        """
        with answering("chat", request.headers, of_client=True):
            exchange = await conversations.begin(turn, visitor)
        if wants_events(", ".join(request.headers.getlist("accept"))):

            async def left(message: Message) -> None:
                exchange.abandon()

            return EventSourceResponse(
                _events(exchange), ping=PING_S, send_timeout=SEND_TIMEOUT_S, client_close_handler_callable=left
            )
        return JSONResponse(asdict(await _whole(exchange, request)), headers={"Cache-Control": "no-store"})

    return router


async def _events(exchange: ChatExchange) -> AsyncIterator[ServerSentEvent]:
    try:
        turn = exchange.turn
        opened = {"session_id": turn.session_id, "turn_id": turn.turn_id, "resume_token": exchange.resume_token or None}
        yield _event("session", opened)
        async for piece in exchange.pieces():
            yield _piece_event(piece)
        yield _event("done", asdict(await exchange.recorded()))
    except Problem as problem:
        yield _event("error", problem.body)
    finally:
        exchange.abandon()  # nothing if all was delivered


def _piece_event(piece: Piece) -> ServerSentEvent:
    match piece:
        case TextToken(text):
            return _event("token", {"text": text})
        case Reset(text):
            return _event("reset", {"text": text})
        case Clause(index, text):
            return _event("clause", {"index": index, "text": text})
        case ToolStarted():
            return _event("tool-started", asdict(piece))
        case ToolEnded():
            return _event("tool-ended", asdict(piece))


def _event(name: str, data: dict[str, Any]) -> ServerSentEvent:
    return ServerSentEvent(json.dumps(data, ensure_ascii=False, separators=(",", ":")), event=name)


async def _whole(exchange: ChatExchange, request: Request) -> Any:
    """Return the whole answer, unless the client disconnects before. Raises Problem."""
    answering = asyncio.ensure_future(exchange.whole())
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            exchange.abandon()
            raise Problem("shutdown", "the client went away")
        return answering.result()
    finally:
        await ended(answering, leaving)
        await asyncio.gather(answering, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
