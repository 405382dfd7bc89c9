"""The same chat by NATS request and reply (`chat_subject` of the topology): in a session, or `new` for a new one.

One of all bridge processes answers (a queue group). Requests and answers are MessagePack, problems included.
"""

import asyncio
import logging
from dataclasses import asdict
from typing import Any

import msgpack
from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from pydantic import ValidationError

from bridge.http.chat.conversations import Conversations
from bridge.http.models import ChatRequest
from bridge.http.problems import Problem
from bridge.plain_words import wrong_field
from bridge.web.gate import Gate, NotLetIn
from contracts.topology import CHAT, session_of
from infra.log.connection import connection
from infra.process.tasks import ended

log = logging.getLogger(__name__)

NEW = "new"
"""In place of a session id: start a new session."""
MAX_ANSWERING = 500


class ChatRequests:
    """Answers the requests that this process receives."""

    def __init__(self, broker: NatsBroker, conversations: Conversations, gate: Gate) -> None:
        self._broker = broker
        self._conversations = conversations
        self._gate = gate
        self._subscription: Subscription | None = None
        self._answering: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Start to accept requests."""
        nc = connection(self._broker)
        self._subscription = await nc.subscribe(CHAT.subject, queue=CHAT.queue, cb=self._asked)

    async def stop_taking(self) -> None:
        """Leave new requests to other processes."""
        if self._subscription is not None and connection(self._broker).is_connected:
            await self._subscription.unsubscribe()
        self._subscription = None

    async def close(self) -> None:
        """End what is still being answered."""
        await ended(*self._answering)

    async def _asked(self, message: Msg) -> None:
        if not message.reply:
            log.debug("a chat request has no reply subject, so it is ignored")
            return
        if len(self._answering) >= MAX_ANSWERING:
            await _respond(message, Problem("busy", "too many turns are being answered").message)
            return
        task = asyncio.create_task(self._answer(message), name="chat by request")
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, message: Msg) -> None:
        try:
            answer = await self._chat(session_of(message.subject), message.data)
        except Problem as problem:
            answer = problem.message
        except Exception:  # the client gets a problem
            log.exception("chat by request")
            answer = Problem("internal", "internal error; the log of this process says why").message
        await _respond(message, answer)

    async def _chat(self, session_id: str, data: bytes) -> dict[str, Any]:
        turn, token = _request_of(session_id, data)
        try:
            visitor = await self._gate.bus_visitor(token)
        except NotLetIn as error:
            raise Problem(error.code, str(error), error.retry_after_s) from error
        exchange = await self._conversations.begin(turn, visitor)
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
        turn = ChatRequest.model_validate({key: fields.get(key) for key in ("text", "user_id", "time_zone")} | session)
        token = fields.get("token") or ""
        if not isinstance(token, str):
            raise Problem("bad-request", "token: a text was expected")
        return turn, token
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Problem("bad-request", f"{'.'.join(map(str, first['loc']))}: {wrong_field(first)}") from error
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise Problem("bad-request", "the request is not a MessagePack map {text, user_id}") from error


async def _respond(message: Msg, answer: dict[str, Any]) -> None:
    try:
        await message.respond(msgpack.packb(answer))
    except (NatsError, OSError) as error:
        log.debug("chat by request: no answer possible: %r", error)
