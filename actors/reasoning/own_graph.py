"""An answer by a graph of the agent's own, instead of a model: its words become clauses, its calls of tools facts.

The log is the graph's memory: it is given the conversation as it was heard, and keeps nothing.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from langchain_core.messages import AIMessage, BaseMessage

from actors.reasoning.fitting import Given, fitted_to
from actors.reasoning.graph import Asked, CallsFollow, Ended, Retrieved, Token, made_messages
from actors.reasoning.graph_stream import GRAPH_PARTS, Called, GraphStream, Returned, Said
from actors.reasoning.model_chunks import plain_message
from actors.reasoning.model_stream import Continuation
from actors.reasoning.prompts import context_of
from actors.reasoning.raw_answer import RawAnswer
from actors.reasoning.session_log import SessionLog
from actors.reasoning.tool_facts import ToolFacts
from actors.reasoning.tools import call_id_of
from actors.reasoning.unspoken import UnspokenFilter
from contracts import events as e
from infra.agents.agent import Agent
from infra.agents.call import Call
from infra.agents.running import ToolResult
from infra.agents.tool import TIMEOUT_S
from infra.engines.chain import EngineFailure
from infra.log.event_log import now_ns

STEPS = 50
"""The most steps of a graph for one answer."""


def name_of(agent: Agent) -> str:
    """Return the name that stands in facts where that of a model does."""
    return f"graph:{agent.name}"


class CalledByAnother(Exception):
    """Another copy that writes this reply has called this tool: the reply goes on with what the log has."""


@dataclass(frozen=True, slots=True)
class GraphReply:
    """The reply that a graph writes. `granted` is set when it is no draft; until then no tool runs."""

    log: SessionLog
    agent: Agent
    reply_id: str
    facts: ToolFacts
    granted: asyncio.Event
    raw: RawAnswer
    call: Call
    timeout_s: float

    async def answer(self, asked: Asked) -> None:
        """Write the answer. Cancelling this stops the graph at once.

        Raises CalledByAnother, and what the log and `asked.say` raise.
        """
        background, name = await asked.gather(), asked.models.first
        given = Given(asked.prompt, background, asked.question)
        given = await fitted_to(name, given, asked.count, asked.answer_tokens)
        begun = made_messages(asked.rounds)
        messages = [*given.messages(name), *begun, *([AIMessage(asked.written)] if asked.written else [])]
        context = context_of(name, given.prompt, given.background, given.question)
        await asked.say(Retrieved(context, background.memories, background.recall_ms))
        run = _Run(self, asked, messages)
        async with aclosing(asked.models.chain.parts((name,), run.attempt)) as parts:
            async for part in parts:
                if not await run.take(part):
                    return
        await asked.say(Ended("stop" if run.is_whole else "broken-off"))


class _Run:
    """One answer of the graph."""

    def __init__(self, reply: GraphReply, asked: Asked, messages: list[BaseMessage]) -> None:
        self.is_whole = False
        self._reply = reply
        self._asked = asked
        self._messages = messages
        self._stream: GraphStream | None = None
        self._numbers = Counter(
            call_id_of(reply.reply_id, use.called.tool, use.arguments, 0) for use in reply.facts.uses.values()
        )
        self._called: dict[int, e.ToolCalled] = {}
        self._message = -1

    async def attempt(self, name: str) -> AsyncGenerator[str | Called | Returned, None]:
        """Yield what the graph says, and what becomes of its tools. Raises what the stream raises."""
        reply = self._reply
        configurable = {"thread_id": reply.log.session.session_id, "call": reply.call}
        # A tool may take its time, and then the model has to answer.
        timeout_s = reply.timeout_s + TIMEOUT_S
        config = {"configurable": configurable, "recursion_limit": STEPS}
        self._stream = stream = GraphStream(reply.agent.graph, self._messages, config, timeout_s)
        plain = {"graph": name, "messages": [plain_message(message) for message in self._messages]}
        reply.raw.is_asked = True
        unspoken, new = UnspokenFilter(False), Continuation(self._asked.written)
        async with aclosing(reply.log.tape.parts("graph", reply.reply_id, plain, stream.parts, GRAPH_PARTS)) as parts:
            async for part in parts:
                if not isinstance(part, Said):
                    yield part
                    continue
                reply.raw.note(part.text)
                if text := new.feed(self._apart(part, unspoken.feed(part.text))):
                    yield text
        if text := new.feed(unspoken.finish()):
            yield text
        self.is_whole = True

    async def take(self, part: str | Called | Returned | EngineFailure) -> bool:
        """Take the next part; return whether to go on. What the log raises is no failure of the graph."""
        if isinstance(part, Called):
            await self._call(part)
        elif isinstance(part, Returned):
            failed = bool(part.error)
            result = ToolResult("failed" if failed else "ok", part.result, part.error)
            await self._reply.facts.append_return(self._called[part.call], result, 0)
        else:
            return await self._asked.say(part if isinstance(part, EngineFailure) else Token(part, now_ns()))
        return True

    def _apart(self, part: Said, text: str) -> str:
        """Return the text, separated from another message before it."""
        is_next, self._message = self._message not in (-1, part.message), part.message
        return f" {text}" if is_next and text and not text[0].isspace() else text

    async def _call(self, part: Called) -> None:
        """Append that a tool is called, and let it run. Raises CalledByAnother."""
        facts, reply_id = self._reply.facts, self._reply.reply_id
        await self._asked.say(CallsFollow())
        self._message = -1
        await self._reply.granted.wait()
        arguments = json.loads(part.arguments)
        key = call_id_of(reply_id, part.tool, arguments, 0)
        call_id = call_id_of(reply_id, part.tool, arguments, self._numbers[key])
        self._numbers[key] += 1
        given = {"arguments": part.arguments, "kind": "action", "idempotency_key": call_id, "round": facts.rounds}
        called = self._called[part.call] = facts.call(call_id, tool=part.tool, **given)
        if not await facts.append_call(called):
            raise CalledByAnother
        assert self._stream is not None
        self._stream.release(part.call)
