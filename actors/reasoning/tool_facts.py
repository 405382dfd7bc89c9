"""The facts about the tools of one reply. Several copies may write it: what the log has counts, for each of them."""

from collections.abc import Mapping
from typing import Any

from actors.reasoning.session_log import SessionLog
from actors.reasoning.tool_uses import ToolUse
from contracts import events as e
from contracts.answers import Answer, Cause, answer
from infra.agents.running import ToolResult
from infra.log.event_log import StaleWriter, now_ns

ITSELF = "the tool itself, which returned after all"
"""Who settled a call whose outcome had been given up."""


class ToolFacts:
    """Appends each call and what came of it once, whichever copy is first; `about` is what the reply answers."""

    def __init__(self, log: SessionLog, reply_id: str, about: Cause) -> None:
        self._log = log
        self._reply_id = reply_id
        self._about = about

    @property
    def uses(self) -> Mapping[str, ToolUse]:
        """The calls of the reply that are known, by their ids."""
        return self._log.session.replies[self._reply_id].tools

    @property
    def rounds(self) -> int:
        """How many messages with calls the reply has."""
        return max((use.called.round + 1 for use in self.uses.values()), default=0)

    def call(self, call_id: str, **fields: Any) -> e.ToolCalled:
        """Return the fact of a call."""
        return self._answer(e.ToolCalled, call_id, **fields)

    async def append_call(self, called: e.ToolCalled) -> bool:
        """Append a call; return whether it is ours to run: another copy that writes this reply may have been first."""
        while called.call_id not in self.uses:
            try:
                return await self._log.append_about_tool(called)
            except StaleWriter:
                await self._log.refresh()
        return False

    async def append_return(self, called: e.ToolCalled, result: ToolResult, elapsed_ms: float) -> None:
        """Append what came of a call; if it had been given up meanwhile, what came of it after all."""
        fields = {"tool": called.tool, "result": result.result, "error": result.error or None}
        returned = self._answer(
            e.ToolReturned,
            called.call_id,
            **fields,
            elapsed_ms=elapsed_ms,
            outcome=result.outcome,
            attempts=result.attempts,
            length=result.length,
        )
        use = self.uses[called.call_id]
        while use.returned is None:
            try:
                await self._log.append_about_tool(returned)
            except StaleWriter:
                await self._log.refresh()
        if use.returned.outcome in ("unknown", "timed-out") and result.outcome in ("ok", "failed"):
            await self._log.append(self._answer(e.ToolSettled, called.call_id, **fields, by=ITSELF))

    def _answer(self, event_class: type[Answer], call_id: str, **fields: Any) -> Answer:
        fields |= {"reply_id": self._reply_id, "call_id": call_id}
        return answer(self._about, event_class, time_ns=now_ns(), id_from=call_id, **fields)
