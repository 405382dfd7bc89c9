"""Our reasoning actor as `llm.LLM` of LiveKit's agents: a stock `AgentSession` calls it over NATS.

Prompt, memory and tools are the actor's: only the last user message of the session's chat context is sent.
"""

import asyncio
import contextlib
import logging
import uuid
from typing import Any, Self

import msgpack
from livekit.agents import APIConnectionError, APIStatusError, llm
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, APIConnectOptions, NotGivenOr
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from contracts.topology import OPERATOR, chat_subject, tokens_subject
from infra.cannot_run import CannotRun
from infra.log.nats_access import connect
from infra.settings import settings

log = logging.getLogger(__name__)

NEW = "new"
ANSWER_TIMEOUT_S = 60.0
CONNECT_TIMEOUT_S = 5.0
TRY_AGAIN = ("busy", "shutdown", "log-unavailable")
"""Problems that another attempt may not meet."""
ENDED = ("session-closed", "session-unknown")
"""The conversation was idle for too long: another attempt starts a new one."""


class ReasoningLLM(llm.LLM[None]):
    """One conversation with the reasoning actor, on the log at `url`, where the bridge's HTTP door must run.

    The first answer comes whole, because the session is not known before; later ones token by token. `session_id`
    resumes an open conversation.
    """

    def __init__(self, url: str, user_id: str = "", session_id: str = NEW) -> None:
        super().__init__()
        self.session_id = session_id
        self._url = url
        self._user_id = user_id
        self._nc: Client | None = None
        self._connecting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Return itself; it disconnects at the end of the block."""
        return self

    @property
    def model(self) -> str:
        """Name of the model."""
        return "daredevil-reasoning"

    @property
    def provider(self) -> str:
        """Name of the provider."""
        return "daredevil"

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        parallel_tool_calls: NotGivenOr[bool] = NOT_GIVEN,
        tool_choice: NotGivenOr[llm.ToolChoice] = NOT_GIVEN,
        extra_kwargs: NotGivenOr[dict[str, Any]] = NOT_GIVEN,
    ) -> llm.LLMStream:
        """Return the answer to the last user message. Tools are ignored: the actor has its own."""
        return _Answer(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)

    async def connected(self) -> Client:
        """Return the connection, opened at the first use. Raises APIConnectionError."""
        async with self._connecting:
            if self._nc is None:
                try:
                    # Only a lost connection is retried forever: the first one must succeed.
                    async with asyncio.timeout(CONNECT_TIMEOUT_S):
                        self._nc = await connect(
                            self._url, OPERATOR, settings(), max_reconnect_attempts=-1, error_cb=_log_quietly
                        )
                except (NatsError, OSError, TimeoutError, CannotRun) as error:
                    raise APIConnectionError(
                        f"NATS at {self._url} does not answer: {str(error) or type(error).__name__}"
                    ) from error
            return self._nc

    async def ask(self, text: str) -> dict[str, Any]:
        """Return the whole answer to a text: `{session_id, turn_id, reply_id, text}`. Raises APIError."""
        nc = await self.connected()
        body = msgpack.packb({"text": text, "user_id": self._user_id or None})
        try:
            answered = await nc.request(chat_subject(self.session_id), body, timeout=ANSWER_TIMEOUT_S)
        except (NatsError, TimeoutError, OSError) as error:
            # The turn may have been accepted anyway: another attempt would say it twice.
            reason = f"no answer from the chat door: {str(error) or type(error).__name__}"
            raise APIConnectionError(reason, retryable=False) from error
        answer: dict[str, Any] = msgpack.unpackb(answered.data)
        if (problem := answer.get("error")) is not None:
            if problem["code"] in ENDED:
                self.session_id = NEW
            is_passing = problem["code"] in (*TRY_AGAIN, *ENDED)
            raise APIStatusError(problem["message"], status_code=503 if is_passing else 400, retryable=is_passing)
        self.session_id = answer["session_id"]
        return answer

    async def aclose(self) -> None:
        """Disconnect. The conversation stays open until the door ends it as idle."""
        await super().aclose()
        if self._nc is not None:
            with contextlib.suppress(NatsError, OSError, TimeoutError):
                await self._nc.close()
            self._nc = None


async def _log_quietly(error: Exception) -> None:
    """Ignore a failure of the connection: the answer that needs it reports it."""
    log.debug("NATS: %r", error)


class _Answer(llm.LLMStream):
    """One answer; text that came as tokens is not repeated when the whole answer comes."""

    _llm: ReasoningLLM

    async def _run(self) -> None:
        text = _last_words(self._chat_ctx)
        if not text:
            return
        said = PassedOn()
        reader = _TokenReader(said, self._send)
        session_id = self._llm.session_id
        subscription = None
        if session_id != NEW:
            nc = await self._llm.connected()
            subscription = await nc.subscribe(tokens_subject(session_id), cb=reader.read)
        try:
            answer = await self._llm.ask(text)
        finally:
            if subscription is not None:
                with contextlib.suppress(NatsError):
                    await subscription.unsubscribe()
        if rest := said.rest(str(answer["text"])):
            self._send(rest)

    def _send(self, text: str) -> None:
        self._event_ch.send_nowait(
            llm.ChatChunk(id=uuid.uuid4().hex, delta=llm.ChoiceDelta(role="assistant", content=text))
        )


class _TokenReader:
    """Passes tokens on while they come in order, of one reply; later text comes with the whole answer."""

    def __init__(self, said: "PassedOn", send: Any) -> None:
        self._said = said
        self._send = send
        self._reply_id = ""
        self._next = 0

    async def read(self, message: Msg) -> None:
        """Handle a token message of the session."""
        try:
            token = msgpack.unpackb(message.data)
            reply_id, n, text = token["reply_id"], token["n"], str(token["text"])
        except (ValueError, TypeError, KeyError, msgpack.UnpackException):
            return
        if (self._reply_id or reply_id, self._next) != (reply_id, n):
            self._next = -1  # one was lost, or another process continues the reply
            return
        self._reply_id, self._next = reply_id, n + 1
        self._said.add(text)
        self._send(text)


class PassedOn:
    """The part of an answer that was passed on already; white space does not count."""

    def __init__(self) -> None:
        self._squeezed = ""

    def add(self, text: str) -> None:
        """Note a piece."""
        self._squeezed += "".join(text.split())

    def rest(self, whole: str) -> str:
        """Return the missing rest of the whole answer; empty if what was passed on is not its beginning."""
        if not "".join(whole.split()).startswith(self._squeezed):
            return ""
        left = len(self._squeezed)
        for place, character in enumerate(whole):
            if left == 0:
                return whole[place:] if whole[place:].strip() else ""
            left -= not character.isspace()
        return ""


def _last_words(chat_ctx: llm.ChatContext) -> str:
    """Return the user messages since the agent's last one: turns without an answer are sent together."""
    said: list[str] = []
    for item in reversed(chat_ctx.items):
        if not isinstance(item, llm.ChatMessage):
            continue
        if item.role == "assistant":
            break
        if item.role == "user" and (text := (item.text_content or "").strip()):
            said.insert(0, text)
    return "\n".join(said)
