"""One answer of a model as it streams: what is to be said, the calls it asks for, and how it ended."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing

from actors.reasoning.model_chunks import AskModel, Begun, ModelChunk, ModelRequest
from actors.reasoning.unspoken import UnspokenFilter
from actors.reasoning.written_calls import CallStream, WrittenCall
from infra.agents.tool import Tool
from infra.engines.llm_ends import Finish, finish_of, reports_finish, writes_no_arguments_as_nothing


class HalfClosed(RuntimeError):
    """The stream ended without a finish reason: its end was lost."""


class ModelStream:
    """Reads one answer. `said` has all text that was passed on; `finish` is certain once `texts` has ended.

    `written` is the part of the answer that exists already: what the model repeats of it is not passed on.
    """

    def __init__(self, ask: AskModel, written: str, in_thought: bool) -> None:
        self.finish: Finish = "stop"
        self.said = ""
        self._ask = ask
        self._kind = ""
        self._unspoken = UnspokenFilter(in_thought)
        self._continuation = Continuation(written)
        self._calls = CallStream()
        self._reason: Finish | None = None
        self._refusal = ""

    async def texts(self, request: ModelRequest) -> AsyncIterator[str]:
        """Yield what is to be said, as it comes. Raises HalfClosed, or what `chunks` raises."""
        async with aclosing(self._ask(request)) as parts:
            async for part in parts:
                if isinstance(part, Begun):
                    self._kind = part.kind
                elif text := self._take(part):
                    yield text
        if text := self._pass_on(self._unspoken.finish()):
            yield text
        if self._refusal and not self.said:
            yield self._pass_on(self._refusal)
        self.finish = self._how_it_ended()

    @property
    def begins_in_thought(self) -> bool:
        """Whether a thought ended without a beginning: the model begins its answers within one."""
        return self._unspoken.ended_unbegun_thought

    def calls(self, tools: Mapping[str, Tool]) -> list[WrittenCall]:
        """Return the calls of tools, checked; none if the message was cut, however complete they look."""
        if self.finish not in ("stop", "tool-calls"):
            return []
        return self._calls.calls(tools, writes_no_arguments_as_nothing(self._kind))

    def _take(self, chunk: ModelChunk) -> str:
        self._reason = finish_of(chunk.ends) or self._reason
        self._refusal += chunk.refusal
        self._calls.feed(chunk.calls)
        return self._pass_on(self._unspoken.feed(chunk.text))

    def _pass_on(self, text: str) -> str:
        new = self._continuation.feed(text) if text else ""
        self.said += new
        return new

    def _how_it_ended(self) -> Finish:
        if self._refusal:
            return "refusal"
        if self._reason is None and reports_finish(self._kind):
            raise HalfClosed("the stream ended without a reason: its end was lost")
        if self._reason == "broken-off":
            raise RuntimeError("the provider broke the answer off")
        if self._reason in (None, "stop", "tool-calls"):
            # Some servers send `stop` with calls, or `tool_calls` without any.
            return "stop" if self._calls.is_empty else "tool-calls"
        return self._reason


class Continuation:
    """Removes what a model repeats of an answer that it was asked to continue."""

    def __init__(self, written: str) -> None:
        self._said = "".join(written.split())
        self._pending = ""

    def feed(self, text: str) -> str:
        """Add text of the model; return what is new in it."""
        if not self._said:
            return text
        self._pending += text
        squeezed = "".join(self._pending.split())
        if self._said.startswith(squeezed):
            return ""  # so far it only repeats; nothing is certain yet
        return self._settle(squeezed)

    def _settle(self, squeezed: str) -> str:
        pending, said = self._pending, self._said
        self._pending = self._said = ""
        if not squeezed.startswith(said):
            return pending
        left = len(said)
        for place, character in enumerate(pending):
            if left == 0:
                return pending[place:]
            left -= not character.isspace()
        return ""
