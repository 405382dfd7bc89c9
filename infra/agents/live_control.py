"""What a tool does to a call that is going on: says something, asks for keys, transfers it, ends it.

It asks by facts and by requests on NATS, so a tool may run in any process.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgpack
from faststream.nats import NatsBroker
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from contracts.answers import Cause, answer
from contracts.events import DtmfReceived, EndRequested, ToolCalled
from contracts.requests import BadRequest, SayRequest, TransferRequest, end_request
from contracts.topology import transfer_subject
from infra.agents.call import NOBODY_THERE, CallControl
from infra.agents.errors import ToolFailed
from infra.log.connection import connection
from infra.log.event_log import append, now_ns
from infra.session.remarks import RemarkRefused, ask_to_say

TRANSFER_TIMEOUT_S = 10.0
STORE_PATIENCE_S = 3.0
MOST_KEYS = 100
"""Most keys that wait for a tool that asks for them."""

ControlOf = Callable[[ToolCalled, str], CallControl]
"""Returns what the tool of a call can do, which was called for this participant."""


def no_control(_called: ToolCalled, _participant_id: str) -> CallControl:
    """Return what refuses everything: nobody is there."""
    return NOBODY_THERE


class Keypads:
    """Passes the keys that callers press to the tools that wait for them."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, list[asyncio.Queue[str]]] = defaultdict(list)

    def take(self, event: DtmfReceived) -> None:
        """Take a key; it is dropped if no tool of the session waits for one."""
        for keys in self._waiting.get(event.session_id, ()):
            if not keys.full():
                keys.put_nowait(event.digit)

    async def keys(self, session_id: str, digits: int, timeout_s: float, until: str) -> str:
        """Return the next keys of a session: `digits` of them, or those before a key of `until`. Raises ToolFailed.

        The time begins again with each key. What was pressed when it is over is returned, if anything was.
        """
        keys: asyncio.Queue[str] = asyncio.Queue(MOST_KEYS)
        self._waiting[session_id].append(keys)
        pressed = ""
        try:
            while len(pressed) < digits:
                async with asyncio.timeout(timeout_s):
                    key = await keys.get()
                if key in until:
                    break
                pressed += key
        except TimeoutError:
            if not pressed:
                raise ToolFailed(f"no key was pressed within {timeout_s:g} s") from None
        finally:
            self._waiting[session_id].remove(keys)
            if not self._waiting[session_id]:
                del self._waiting[session_id]
        return pressed


@dataclass(slots=True)
class LiveControl:
    """The control of one call of a tool. What it asks for has ids that follow from the call's: a rerun asks once."""

    broker: NatsBroker
    keypads: Keypads
    called: ToolCalled
    participant_id: str
    _said: int = 0

    async def say(self, text: str) -> None:
        """See CallControl."""
        self._said += 1
        try:
            await ask_to_say(connection(self.broker), self.called.session_id, say_wanted(self.called, text, self._said))
        except RemarkRefused as refused:
            raise ToolFailed(str(refused)) from refused
        except (NatsError, TimeoutError) as error:
            raise ToolFailed("whether it will be said is not known") from error

    async def end(self, reason: str) -> None:
        """See CallControl."""
        await append(self.broker, end_wanted(self.called, reason), patience_s=STORE_PATIENCE_S)

    async def transfer(self, to: str) -> None:
        """See CallControl."""
        wanted, subject = transfer_wanted(self.participant_id, to), transfer_subject(self.called.session_id)
        try:
            told = await connection(self.broker).request(subject, wanted.packed(), timeout=TRANSFER_TIMEOUT_S)
        except NoRespondersError as error:
            raise ToolFailed("only a call in a LiveKit room can be transferred") from error
        except (NatsError, TimeoutError) as error:
            raise ToolFailed("the door did not say whether the call was transferred") from error
        if told.data:
            raise ToolFailed(str(msgpack.unpackb(told.data)["error"]["message"]))

    async def dtmf(self, digits: int, timeout_s: float, until: str) -> str:
        """See CallControl."""
        return await self.keypads.keys(self.called.session_id, digits, timeout_s, until)


def controls_on(broker: NatsBroker, keypads: Keypads) -> ControlOf:
    """Return what gives each call of a tool its control of the call that it runs in."""

    def control(called: ToolCalled, participant_id: str) -> CallControl:
        return LiveControl(broker, keypads, called, participant_id)

    return control


def say_wanted(called: ToolCalled, text: str, number: int) -> SayRequest:
    """Return what a call of a tool asks to be said, for the `number`th time."""
    return SayRequest(text, called.tool, f"{called.call_id}-{number}")


def end_wanted(called: ToolCalled, reason: str) -> EndRequested:
    """Return the fact that a call of a tool asks the session to end. Raises ToolFailed for another form of reason."""
    try:
        end_request(reason)
    except BadRequest as error:
        raise ToolFailed(str(error)) from error
    cause = Cause(called.session_id, called.event_id, called.turn_id)
    said: dict[str, Any] = {"reason": reason, "requested_by": called.tool}
    return answer(cause, EndRequested, time_ns=now_ns(), id_from=called.call_id, **said)


def transfer_wanted(participant_id: str, to: str) -> TransferRequest:
    """Return a request to transfer somebody's call. Raises ToolFailed for what is no address."""
    try:
        return TransferRequest(participant_id, to)
    except BadRequest as error:
        raise ToolFailed(str(error)) from error
