"""The same chat by NATS request and reply (`chat_subject` of the topology): in a session, or `new` for a new one.

One of all bridge processes answers (a queue group). Requests and answers are MessagePack, problems included.
"""

import logging
from dataclasses import asdict
from typing import Any

import msgpack
from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from pydantic import ValidationError

from bridge.http.chat.conversations import Conversations
from bridge.http.models import ChatRequest
from bridge.http.problems import Problem
from bridge.plain_words import wrong_field
from bridge.web.gate import Gate, NotLetIn
from contracts.topology import CHAT, HTTP, session_of
from infra.log.requests import RequestHandlers

log = logging.getLogger(__name__)

NEW = "new"
"""In place of a session id: start a new session."""
MAX_ANSWERING = 500


def chat_requests(broker: NatsBroker, conversations: Conversations, gate: Gate) -> RequestHandlers:
    """Return what answers the requests that this process receives, between `open` and `close`."""
    busy = Problem("busy", "too many turns are being answered")
    requests = RequestHandlers(broker, HTTP, MAX_ANSWERING, _packed(busy.message))

    @requests.on(CHAT)
    async def chat(message: Msg) -> bytes:
        try:
            return _packed(await _chat(conversations, gate, session_of(message.subject), message.data))
        except Problem as problem:
            return _packed(problem.message)
        except Exception:  # the client gets a problem
            log.exception("chat by request")
            return _packed(Problem("internal", "internal error; the log of this process says why").message)

    return requests


async def _chat(conversations: Conversations, gate: Gate, session_id: str, data: bytes) -> dict[str, Any]:
    turn, token = _request_of(session_id, data)
    try:
        visitor = await gate.bus_visitor(token)
    except NotLetIn as error:
        raise Problem(error.code, str(error), error.retry_after_s) from error
    exchange = await conversations.begin(turn, visitor)
    try:
        return {name: value for name, value in asdict(await exchange.whole()).items() if value is not None}
    finally:
        exchange.abandon()


def _request_of(session_id: str, data: bytes) -> tuple[ChatRequest, str]:
    """Return the turn, and the token of its user (required with DAREDEVIL_AUTH). Raises Problem."""
    try:
        fields = msgpack.unpackb(data)
        if not isinstance(fields, dict):
            raise Problem("bad-request", "a map {text, user_id} was expected")
        session = {} if session_id == NEW else {"session_id": session_id}
        given = {key: fields[key] for key in ("agent", "variables") if key in fields}
        turn = ChatRequest.model_validate(
            {key: fields.get(key) for key in ("text", "user_id", "time_zone")} | given | session
        )
        token = fields.get("token") or ""
        if not isinstance(token, str):
            raise Problem("bad-request", "token: a text was expected")
        return turn, token
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Problem("bad-request", f"{'.'.join(map(str, first['loc']))}: {wrong_field(first)}") from error
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise Problem("bad-request", "the request is not a MessagePack map {text, user_id}") from error


def _packed(answer: dict[str, Any]) -> bytes:
    return bytes(msgpack.packb(answer))
