"""What tools do to the call in a test: they say things and end it by facts, as live; transfers are noted."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from actors.reasoning.remarks import remark_of
from actors.reasoning.testing.conditions import Conditions
from contracts import events as e
from contracts.requests import BadRequest, say_request
from infra.agents.call import CallControl
from infra.agents.errors import ToolFailed
from infra.agents.live_control import Keypads, end_wanted, say_wanted, transfer_wanted
from infra.log.taped_log import EventLog


class ScriptedControls:
    """The controls of a conversation. If there is a reason why nobody can be transferred, `no_transfer` says it."""

    def __init__(self, log: EventLog, no_transfer: str) -> None:
        self.keypads = Keypads()
        self.transfers: list[str] = []
        """Where the call was transferred to."""
        self._log = log
        self._no_transfer = no_transfer
        self._asked = 0
        self._waiting = 0
        self._conditions = Conditions()

    def of(self, called: e.ToolCalled, participant_id: str) -> CallControl:
        """Return what the tool of a call can do."""
        return _Control(self, called, participant_id)

    async def are_keys_wanted(self) -> None:
        """Return when a tool waits for keys."""
        await self._conditions.come_true(lambda: self._waiting > 0)

    async def are_keys_wanted_anew(self) -> None:
        """Return when a tool asks for keys from now on."""
        before = self._asked
        await self._conditions.come_true(lambda: self._asked > before)

    async def keys(self, session_id: str, digits: int, timeout_s: float, until: str) -> str:
        """Return the keys that the person presses. Raises ToolFailed."""
        self._asked += 1
        self._waiting += 1
        self._conditions.check()
        try:
            return await self.keypads.keys(session_id, digits, timeout_s, until)
        finally:
            self._waiting -= 1

    async def store(self, event: e.Event) -> None:
        """Append what a tool asks for."""
        await self._log.append(event)

    def transfer(self, to: str) -> None:
        """Note a transfer. Raises ToolFailed."""
        if self._no_transfer:
            raise ToolFailed(self._no_transfer)
        self.transfers.append(to)


@dataclass(frozen=True, slots=True)
class _Control:
    """See CallControl."""

    controls: ScriptedControls
    called: e.ToolCalled
    participant_id: str
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def say(self, text: str) -> None:
        try:
            wanted = say_request(say_wanted(self.called, text, next(self.numbers)).packed())
        except BadRequest as error:
            raise ToolFailed(str(error)) from error
        await self.controls.store(remark_of(self.called.session_id, wanted))

    async def end(self, reason: str) -> None:
        await self.controls.store(end_wanted(self.called, reason))

    async def transfer(self, to: str) -> None:
        self.controls.transfer(transfer_wanted(self.participant_id, to).to)

    async def dtmf(self, digits: int, timeout_s: float, until: str) -> str:
        return await self.controls.keys(self.called.session_id, digits, timeout_s, until)
