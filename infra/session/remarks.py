"""Asking the agent of a session to say something by itself."""

import msgpack
from nats.aio.client import Client
from nats.errors import NoRespondersError

from contracts.requests import SayRequest
from contracts.topology import say_subject

TIMEOUT_S = 8.0


class RemarkRefused(Exception):
    """The agent will not say it; `code` is for programs, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


async def ask_to_say(nc: Client, session_id: str, wanted: SayRequest) -> str:
    """Have the agent say a text when what it is saying is over; return the id of the stored fact.

    Raises RemarkRefused if it will not be said, TimeoutError and nats errors if it may be: ask again with the same id.
    """
    try:
        answer = await nc.request(say_subject(session_id), wanted.packed(), timeout=TIMEOUT_S)
    except NoRespondersError as error:
        raise RemarkRefused("not-available", "no reasoning actor is running") from error
    try:
        told = msgpack.unpackb(answer.data)
        if "error" in told:
            raise RemarkRefused(told["error"]["code"], told["error"]["message"])
        return str(told["event_id"])
    except (ValueError, TypeError, KeyError, msgpack.UnpackException) as error:
        raise RemarkRefused("not-available", answer.data.decode(errors="replace")) from error
