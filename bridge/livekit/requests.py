"""What clients of a room ask the agent by LiveKit's RPC: `daredevil.text` and `daredevil.dtmf`.

The answer, `{}`, comes once the request is stored. Without an answer the client asks again with the same id: it is
stored once, whichever agent takes it.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

from livekit import rtc
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bridge.livekit.texts import MAX_ID, Texts
from bridge.text_input import CleanText, ProtocolError

TEXT_METHOD, DTMF_METHOD = "daredevil.text", "daredevil.dtmf"
REFUSED, LATER = 400, 429
"""Codes of RPC errors: never accepted, and ask again later. All others are LiveKit's own: ask again."""

MAX_KEYS = 32
KeysPressed = Callable[[str, str, str], Awaitable[None]]
"""Takes identity, digits and the request's id; returns when they are stored. Raises ProtocolError."""

Asked = TypeVar("Asked", bound=BaseModel)


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    id: CleanText = Field(min_length=1, max_length=MAX_ID)


class _Text(_Request):
    text: str


class _Dtmf(_Request):
    digits: str = Field(pattern=rf"^[0-9A-D*#]{{1,{MAX_KEYS}}}$")


class Requests:
    """Serves one room."""

    def __init__(self, texts: Texts, keys_pressed: KeysPressed) -> None:
        self._texts = texts
        self._keys_pressed = keys_pressed

    def follow(self, participant: rtc.LocalParticipant) -> None:
        """Start to answer requests to the agent, which is this participant."""
        participant.register_rpc_method(TEXT_METHOD, self._on_text)
        participant.register_rpc_method(DTMF_METHOD, self._on_dtmf)

    async def _on_text(self, asked: rtc.RpcInvocationData) -> str:
        return await _answer(self._take_text(asked))

    async def _on_dtmf(self, asked: rtc.RpcInvocationData) -> str:
        return await _answer(self._take_dtmf(asked))

    async def _take_text(self, asked: rtc.RpcInvocationData) -> None:
        request = _parsed(_Text, asked.payload)
        self._texts.count(asked.caller_identity)
        # The SDK cancels this when the caller has waited long enough; the text is stored all the same.
        await asyncio.shield(await self._texts.hand_on(asked.caller_identity, request.text, request.id))

    async def _take_dtmf(self, asked: rtc.RpcInvocationData) -> None:
        request = _parsed(_Dtmf, asked.payload)
        self._texts.count(asked.caller_identity)
        await self._keys_pressed(asked.caller_identity, request.digits, request.id)


def _parsed(kind: type[Asked], payload: str) -> Asked:
    try:
        return kind.model_validate_json(payload)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise ProtocolError("bad-field", f"{where}: {problem['msg']}" if where else problem["msg"]) from error


async def _answer(work: Awaitable[None]) -> str:
    try:
        await work
    except ProtocolError as error:
        code = LATER if error.code == "flood" else REFUSED
        raise rtc.RpcError(code, str(error), json.dumps({"code": error.code})) from error
    return "{}"
