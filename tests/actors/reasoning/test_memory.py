"""Memory in a reply: recalled beside the reading of the log, recorded with the reply, never in its way."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any, cast

from faststream.nats import NatsBroker
from langchain_core.language_models import BaseChatModel

from actors.reasoning.actor import reasoning_on
from actors.reasoning.answering import Reasoning
from actors.reasoning.decide import reply_id_of
from contracts import events as e
from infra.log.event_log import append, facts_after
from infra.memory.turns import Recalled, TurnMemory
from infra.settings import Settings
from infra.tape.untaped import Untaped
from tests.actors.reasoning.facts import ended, fact, opened, revised
from tests.actors.reasoning.models import WAIT, ScriptedModel, tool_call
from tests.actors.reasoning.test_actor import clauses, finish, handled, last, tell, until
from tests.actors.reasoning.test_memories import SAM


class Memory:
    """Remembers Sam, as long as user `u` asks."""

    def __init__(self, *, hangs: bool = False) -> None:
        self.asked: list[tuple[str, str]] = []
        self.without: Collection[str] = ()
        self._hangs = hangs

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def recall(
        self, user_id: str, question: str, without: Collection[str] = (), most: int | None = None
    ) -> Recalled:
        self.asked.append((user_id, question))
        self.without = without
        if self._hangs:
            await asyncio.Event().wait()
        return Recalled((SAM,) if user_id == "u" else (), 2.0)


@asynccontextmanager
async def remembering(
    broker: NatsBroker, memory: Memory, model: BaseChatModel, **settings: Any
) -> AsyncIterator[Reasoning]:
    chosen = Settings(llm="fake:m0", **settings)
    actor = reasoning_on(broker, Untaped(), chosen, lambda name, _: model, cast(TurnMemory, memory))
    await actor.open()
    yield actor
    await actor.close()


async def test_what_was_said_before_reaches_the_model_and_is_recorded(broker: NatsBroker) -> None:
    model, memory = ScriptedModel.playing(["You are Sam."]), Memory()
    async with remembering(broker, memory, model) as actor:
        await finish(await tell(broker, actor, opened(), ended("Who am I?")))
    start = await last(broker, e.ReplyStarted)
    assert (start.memories, start.recall_ms, start.cached) == (("r1",), 2.0, False)
    assert "My name is Sam" in start.context[-2].text
    assert "My name is Sam" in model.asked[0][-1].text
    assert memory.asked == [("u", "Hello."), ("u", "Who am I?")]


async def test_it_is_looked_for_once_while_the_turn_still_goes_on(broker: NatsBroker) -> None:
    memory = Memory()
    async with remembering(broker, memory, ScriptedModel.playing(["You are Sam."])) as actor:
        await tell(broker, actor, opened())
        await finish(await tell(broker, actor, revised("Who am I?"), ended("who am I")))
    assert memory.asked.count(("u", "Who am I?")) == 1
    assert (await last(broker, e.ReplyStarted)).memories == ("r1",)


async def test_what_the_conversation_holds_is_not_recalled_too(broker: NatsBroker) -> None:
    memory = Memory()
    async with remembering(broker, memory, ScriptedModel.playing(["Hi."])) as actor:
        await finish(await tell(broker, actor, opened(), ended("Hello.")))
        await finish(await tell(broker, actor, ended("Who am I?", "t2")))
    assert set(memory.without) == {reply_id_of(ended("Hello."))}


async def test_an_answer_does_not_wait_for_a_memory_that_hangs(broker: NatsBroker) -> None:
    async with remembering(broker, Memory(hangs=True), ScriptedModel.playing(["Hi."]), memory_timeout_ms=30) as actor:
        await finish(await tell(broker, actor, opened(), ended("Who am I?")))
    assert await clauses(broker) == ["Hi."]
    start = await last(broker, e.ReplyStarted)
    assert start.memories == ()
    assert start.recall_ms >= 29


async def test_a_reply_that_is_gone_on_with_is_told_what_it_was_told_first(broker: NatsBroker) -> None:
    turn = ended("Who am I?")
    async with remembering(broker, Memory(), ScriptedModel.playing(["You are Sam. You ", WAIT])) as actor:
        _, task = await tell(broker, actor, opened(), turn)
        await until(lambda: clauses(broker))
        assert task is not None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    again, memory = ScriptedModel.playing(["You are Sam. You like owls."]), Memory()
    async with remembering(broker, memory, again) as actor:
        await finish([await handled(actor, turn)])
    assert "My name is Sam" in again.asked[0][-2].text
    assert await clauses(broker) == ["You are Sam.", "You like owls."]


async def test_the_rolling_summary_stands_for_the_turns_it_tells_of(broker: NatsBroker) -> None:
    model = ScriptedModel.playing(["Hi."])
    async with remembering(broker, Memory(), model) as actor:
        await finish(await tell(broker, actor, ended("One.", "t1"), ended("Two.", "t2")))
        revision = fact(e.SummaryRevised, "sum", summary="They counted.", through_turn_id="t1", turns=1)
        await append(broker, revision)
        await finish(await tell(broker, actor, ended("Three.", "t3")))
    context = (await last(broker, e.ReplyStarted)).context
    assert context[1].text == "The conversation so far: They counted."
    assert [message.text for message in context[2:]] == ["Two.\nThree."]
    assert "They counted." in model.asked[-1][0].text


async def ask_in(broker: NatsBroker, actor: Reasoning, session_id: str, text: str = "Hello.") -> e.ReplyStarted:
    """Ask in a session of its own; return the beginning of its reply."""
    event = ended(text, event_id=f"end-{session_id}").model_copy(update={"session_id": session_id})
    await append(broker, event)
    await finish([await handled(actor, event)])
    facts = [found.event for found in await facts_after(broker, session_id)]
    assert any(isinstance(known, e.ReplyCompleted) for known in facts)
    (start,) = (known for known in facts if isinstance(known, e.ReplyStarted))
    return start


async def test_the_same_question_in_the_same_context_is_answered_from_the_cache(broker: NatsBroker) -> None:
    model = ScriptedModel.playing(["Good day. ", "How are you?"], ["Something else."])
    async with remembering(broker, Memory(), model, response_cache_ttl_s=60) as actor:
        first, second = await ask_in(broker, actor, "s-1"), await ask_in(broker, actor, "s-2")
        other = await ask_in(broker, actor, "s-3", "Good evening.")
    assert [first.cached, second.cached, other.cached] == [False, True, False]
    assert len(model.asked) == 2
    said = [known.event for known in await facts_after(broker, "s-2")]
    assert [known.text.strip() for known in said if isinstance(known, e.ReplyClauseWritten)] == [
        "Good day.",
        "How are you?",
    ]


async def test_failures_and_answers_by_tools_are_not_kept(broker: NatsBroker) -> None:
    failing = ScriptedModel.playing([RuntimeError("no credit")], ["Good day."])
    async with remembering(broker, Memory(), failing, response_cache_ttl_s=60) as actor:
        await ask_in(broker, actor, "s-1")
        assert not (await ask_in(broker, actor, "s-2")).cached
    calling = ScriptedModel.playing([tool_call("current_time")], ["It is late."], ["It is early."])
    async with remembering(broker, Memory(), calling, response_cache_ttl_s=60) as actor:
        await ask_in(broker, actor, "s-3", "Is it late?")
        assert not (await ask_in(broker, actor, "s-4", "Is it late?")).cached
