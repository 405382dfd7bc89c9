"""What a tool is told of the call that it runs in, and what it can do there. A model never sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from infra.agents.errors import ToolFailed

if TYPE_CHECKING:
    from pydantic_core.core_schema import CoreSchema


class CallControl(Protocol):
    """What can be done to a call from inside a tool. Each raises ToolFailed if it is not possible here."""

    async def say(self, text: str) -> None:
        """Say a text, when what is being said is over."""

    async def end(self, reason: str) -> None:
        """End the call, when what is being said is over."""

    async def transfer(self, to: str) -> None:
        """Transfer the call to a telephone number or SIP address."""

    async def dtmf(self, digits: int, timeout_s: float, until: str) -> str:
        """Return the keys that the caller presses: `digits` of them, or up to a key of `until`."""


@dataclass(frozen=True, slots=True)
class NoControl:
    """Refuses everything, with the reason `why`."""

    why: str

    async def say(self, text: str) -> None:
        """See CallControl."""
        raise ToolFailed(f"nothing can be said: {self.why}")

    async def end(self, reason: str) -> None:
        """See CallControl."""
        raise ToolFailed(f"the call cannot be ended: {self.why}")

    async def transfer(self, to: str) -> None:
        """See CallControl."""
        raise ToolFailed(f"the call cannot be transferred: {self.why}")

    async def dtmf(self, digits: int, timeout_s: float, until: str) -> str:
        """See CallControl."""
        raise ToolFailed(f"no keys can be asked for: {self.why}")


NOBODY_THERE = NoControl("nobody is there")
FOR_ACTIONS = NoControl("it may run for an answer that nobody hears; mark the tool with @action")
"""The control of a reader."""


@dataclass(frozen=True, slots=True)
class Call:
    """The call that a tool runs in: whose it is, and what can be done to it.

    A tool gets it as the argument that is annotated `Call`, whatever its name. `idempotency_key` is the same whenever
    this call of the tool runs again, also in another process: give it to whatever must not happen twice.
    """

    session_id: str
    user_id: str = ""
    agent: str = ""
    """Name of the agent whose tool it is."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Of the session's template."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """What the door knows about the person who speaks, such as a caller's number."""
    turn_id: str | None = None
    idempotency_key: str = ""
    time_zone: str = ""
    """Of the person who speaks, as an IANA name; empty if unknown."""
    control: CallControl = field(default=NOBODY_THERE, repr=False, compare=False)

    async def say(self, text: str) -> None:
        """Say a text, when what is being said is over. Raises ToolFailed."""
        await self.control.say(text)

    async def end(self, reason: str = "agent") -> None:
        """End the call, when what is being said is over. Raises ToolFailed."""
        await self.control.end(reason)

    async def transfer(self, to: str) -> None:
        """Transfer the call to a telephone number or SIP address. Raises ToolFailed."""
        await self.control.transfer(to)

    async def dtmf(self, digits: int = 1, timeout_s: float = 10.0, until: str = "#") -> str:
        """Return the keys that the caller presses: `digits` of them, or up to a key of `until`. Raises ToolFailed."""
        return await self.control.dtmf(digits, timeout_s, until)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> "CoreSchema":
        """Let LangChain make a model of a tool's arguments that has this among them: it is passed on as it is."""
        from pydantic_core import core_schema  # takes 40 ms to import, and whoever asks has it

        return core_schema.is_instance_schema(cls)
