import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from faststream.nats import NatsBroker
from langchain_core.language_models import BaseChatModel

from actors.reasoning import endings
from actors.reasoning.actor import listen, reasoning_on, take_events
from actors.reasoning.answering import Reasoning
from actors.reasoning.decide import reply_id_of
from actors.reasoning.model_stream import Continuation
from actors.reasoning.tools import CURRENT_TIME, call_id_of
from contracts import events as e
from infra.agents.agent import Agent
from infra.agents.call import Call
from infra.agents.errors import ToolFailed
from infra.agents.loading import DEFAULT, Agents
from infra.agents.tool import Tool
from infra.log import event_log as facts
from infra.log.connection import connection
from infra.log.event_log import append, history
from infra.log.handlers import NoHandler
from infra.log.inbox import Job
from infra.settings import Settings
from infra.tape.untaped import Untaped
from tests.actors.reasoning.facts import SESSION, about, ended, fact, opened, revised, started
from tests.actors.reasoning.models import WAIT, ScriptedModel, tool_call
from tests.servers import NatsServer

HELLO = "Hello there."
ANSWER = ["Good day, ", "nice to hear ", "you. How are ", "you?"]
CLAUSES = ["Good day,", "nice to hear you.", "How are you?"]


async def log_of(broker: NatsBroker) -> list[e.Event]:
    return [found.event async for found in history(connection(broker), SESSION)]


async def names(broker: NatsBroker) -> list[str]:
    return [type(event).__name__ for event in await log_of(broker)]


async def clauses(broker: NatsBroker) -> list[str]:
    """Return the clauses without the white space that they hold."""
    return [event.text.strip() for event in await log_of(broker) if isinstance(event, e.ReplyClauseWritten)]


async def last(broker: NatsBroker, event_class: type[e.Event]) -> Any:
    return [event for event in await log_of(broker) if isinstance(event, event_class)][-1]


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.01)


def is_asked(model: ScriptedModel) -> Callable[[], Any]:
    async def asked() -> bool:
        return bool(model.asked)

    return asked


@asynccontextmanager
async def copy_of_actor(
    broker: NatsBroker,
    *models: BaseChatModel,
    having: Sequence[Tool] = (CURRENT_TIME,),
    instance: str = "",
    graph: Any = None,
    **settings: Any,
) -> AsyncIterator[Reasoning]:
    names = str(settings.pop("llm", ",".join(f"fake:m{n}" for n in range(len(models)))))
    chain = dict(zip(names.split(","), models, strict=True))

    def make(name: str, _: Settings) -> BaseChatModel:
        return chain[name]

    agent = Agent(name=DEFAULT, graph=graph) if graph is not None else Agent(name=DEFAULT, tools=having)
    agents = Agents(built_in=agent)
    actor = reasoning_on(broker, Untaped(instance), Settings(llm=names, **settings), make, agents=agents)
    await actor.open()
    async with listen(broker, actor):
        yield actor
    await actor.close()


async def tell(broker: NatsBroker, actor: Reasoning, *events: e.Event) -> list["asyncio.Task[None] | None"]:
    tasks = []
    for event in events:
        await append(broker, event)
        tasks.append(await handled(actor, event))
    return tasks


async def handled(actor: Reasoning, event: e.Event) -> Job | None:
    """Call the handler of an event, if there is one, as the inbox does."""
    with contextlib.suppress(NoHandler):
        return await take_events(NatsBroker(), actor).handle(event)
    return None


async def finish(tasks: list["asyncio.Task[None] | None"]) -> None:
    for task in tasks:
        if task is not None:
            await asyncio.wait_for(task, 10)


async def test_a_turn_is_answered_clause_by_clause(broker: NatsBroker) -> None:
    model = ScriptedModel.playing(ANSWER)
    async with copy_of_actor(broker, model, prompt="Be kind.") as actor:
        await finish(await tell(broker, actor, ended(HELLO)))
    expected = ["TurnEnded", "ReplyStarted", *["ReplyClauseWritten"] * 3, "ReplyCompleted"]
    assert await names(broker) == expected
    assert await clauses(broker) == CLAUSES
    start, end = await last(broker, e.ReplyStarted), await last(broker, e.ReplyCompleted)
    assert [message.text for message in start.context] == ["Be kind.", HELLO]
    assert (end.finish, end.clauses, end.turn_id) == ("completed", 3, "t1")
    assert end.first_token_ms is not None
    assert (await last(broker, e.ReplyClauseWritten)).first_token_ns is None


async def test_what_is_spoken_of_a_small_model_is_two_sentences_and_the_log_says_so(broker: NatsBroker) -> None:
    model = ScriptedModel.playing(["One is here. ", "Two is there. ", "Three is ", "nowhere."])
    async with copy_of_actor(broker, model, llm="local") as actor:
        await finish(await tell(broker, actor, ended("Tell me about owls.")))
    end = await last(broker, e.ReplyCompleted)
    assert (end.text.strip(), end.finish) == ("One is here. Two is there.", "enough")


async def test_a_small_model_is_not_asked_what_it_would_invent(broker: NatsBroker) -> None:
    model = ScriptedModel.playing(["It is sunny."])
    async with copy_of_actor(broker, model, llm="local") as actor:
        await finish(await tell(broker, actor, ended("What's the weather?")))
    start, end = await last(broker, e.ReplyStarted), await last(broker, e.ReplyCompleted)
    assert end.text.startswith("I am sorry, I do not know the weather.")
    assert (start.request, start.cached, [message.role for message in start.context]) == ("", False, ["system", "user"])
    assert not model.asked


async def test_a_draft_is_committed_when_the_turn_ends_with_its_words(broker: NatsBroker) -> None:
    async with copy_of_actor(broker, ScriptedModel.playing(ANSWER)) as actor:
        await finish(await tell(broker, actor, revised(HELLO), ended("hello there")))
    facts = await names(broker)
    assert facts.count("ReplyStarted") == facts.count("ReplyCommitted") == facts.count("ReplyCompleted") == 1
    assert "ReplyDiscarded" not in facts


async def test_a_draft_of_other_words_is_stopped_and_done_again(broker: NatsBroker) -> None:
    model = ScriptedModel.playing(["Good day to ", WAIT], ANSWER)
    async with copy_of_actor(broker, model) as actor:
        drafting = await tell(broker, actor, revised(HELLO))
        await until(is_asked(model))
        await finish([*drafting, *await tell(broker, actor, ended("Hello there, how are you?"))])
    assert model.cancelled.is_set()
    assert "ReplyCommitted" not in await names(broker)
    assert (await last(broker, e.ReplyStarted)).draft is False
    assert (await last(broker, e.ReplyDiscarded)).reply_id == reply_id_of(revised(HELLO))


async def test_another_copy_commits_or_discards_the_draft(broker: NatsBroker) -> None:
    model = ScriptedModel.playing(["Good day. ", "Nice ", WAIT], ["Fine."])
    async with copy_of_actor(broker, model) as first, copy_of_actor(broker, ScriptedModel.playing(ANSWER)) as second:
        drafting = await tell(broker, first, revised(HELLO))
        await until(is_asked(model))
        await tell(broker, second, ended(HELLO))
        assert "ReplyCommitted" in await names(broker)
        later = await tell(broker, second, ended("Something else.", "t2"))
        await finish([*drafting, *later])
    assert model.cancelled.is_set()
    assert (await last(broker, e.ReplyDiscarded)).reply_id == reply_id_of(revised(HELLO))


async def test_the_writer_goes_on_after_another_copy_has_committed(broker: NatsBroker) -> None:
    go_on = asyncio.Event()

    class Paused(ScriptedModel):
        async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            async for chunk in ScriptedModel._astream(self, *args, **kwargs):
                yield chunk
                await go_on.wait()

    model = Paused.playing(["Good day. Nice ", "to hear you."])
    async with copy_of_actor(broker, model) as first, copy_of_actor(broker, model) as second:
        drafting = await tell(broker, first, revised(HELLO))
        await until(lambda: clauses(broker))
        await tell(broker, second, ended(HELLO))
        go_on.set()
        await finish(drafting)
    assert await clauses(broker) == ["Good day.", "Nice to hear you."]
    assert (await last(broker, e.ReplyCompleted)).finish == "completed"


async def test_two_copies_that_take_draft_and_turn_at_once_start_one_reply(broker: NatsBroker) -> None:
    one, other = ScriptedModel.playing(ANSWER), ScriptedModel.playing(ANSWER)
    async with copy_of_actor(broker, one) as first, copy_of_actor(broker, other) as second:
        await append(broker, revised(HELLO))
        await append(broker, ended(HELLO))
        tasks = await asyncio.gather(handled(first, revised(HELLO)), handled(second, ended(HELLO)))
        await finish(list(tasks))
    facts = await names(broker)
    assert facts.count("ReplyCompleted") == 1
    assert facts.count("ReplyStarted") - facts.count("ReplyDiscarded") == 1


async def test_an_interruption_stops_the_model_and_completes_the_reply(broker: NatsBroker) -> None:
    model = ScriptedModel.playing(["Good day. Nice ", WAIT])
    async with copy_of_actor(broker, model) as actor:
        tasks = await tell(broker, actor, ended(HELLO))
        await until(lambda: clauses(broker))
        interruption = about(e.TurnInterrupted, reply_id_of(ended(HELLO)), participant_id="p")
        await append(broker, interruption)
        await finish(tasks)
    assert model.cancelled.is_set()
    end = await last(broker, e.ReplyCompleted)
    assert (end.finish, end.text) == ("interrupted", "Good day.")


async def test_a_redelivered_turn_goes_on_where_the_text_ends(broker: NatsBroker) -> None:
    turn = ended(HELLO)
    reply_id = reply_id_of(turn)
    dying = ScriptedModel.playing(["Good day, dear caller. Nice ", WAIT])
    async with copy_of_actor(broker, dying) as actor:
        (task,) = await tell(broker, actor, turn)
        await until(lambda: clauses(broker))
        assert task is not None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    again = ScriptedModel.playing(["Good day, dear ", "caller. Nice to", " hear you."])
    async with copy_of_actor(broker, again) as actor:
        await finish([await handled(actor, turn)])
    assert [type(message).__name__ for message in again.asked[0][-2:]] == ["HumanMessage", "AIMessage"]
    assert again.asked[0][-1].text.startswith("Good day,")
    assert " ".join(await clauses(broker)) == "Good day, dear caller. Nice to hear you."
    assert (await names(broker)).count("ReplyStarted") == 1
    end = await last(broker, e.ReplyCompleted)
    assert (end.reply_id, end.text) == (reply_id, "Good day, dear caller. Nice to hear you.")


async def test_the_next_model_goes_on_when_one_breaks_off(broker: NatsBroker) -> None:
    broken = ScriptedModel.playing(["Good day. Nice ", RuntimeError("no credit")])
    async with copy_of_actor(broker, broken, ScriptedModel.playing(["to hear you."])) as actor:
        await finish(await tell(broker, actor, ended(HELLO)))
    assert await clauses(broker) == ["Good day.", "Nice to hear you."]
    failure = await last(broker, e.EngineFailed)
    assert (failure.engine, failure.action) == ("fake:m0", "went on with fake:m1")
    assert "no credit" in failure.error


async def test_silence_counts_as_failure_and_the_end_of_the_chain_is_an_apology(broker: NatsBroker) -> None:
    async with copy_of_actor(broker, ScriptedModel.playing([WAIT]), llm_timeout_s=0.05) as actor:
        await finish(await tell(broker, actor, ended(HELLO)))
    assert await clauses(broker) == [endings.APOLOGY]
    assert (await last(broker, e.ReplyCompleted)).finish == "failed"
    assert "silent" in (await last(broker, e.EngineFailed)).error


async def test_an_empty_answer_becomes_a_sentence(broker: NatsBroker) -> None:
    async with copy_of_actor(broker, ScriptedModel.playing(["", " \n", "..."])) as actor:
        await finish(await tell(broker, actor, ended(HELLO)))
    assert await clauses(broker) == [endings.NO_ANSWER]


@pytest.mark.parametrize("size", [1, 3, 1000])
async def test_the_log_holds_what_the_model_wrote_to_the_letter(broker: NatsBroker, size: int) -> None:
    answer = (
        '\n# Plan\n\n1. **Buy** [milk](https://example.org/a_b "x")  for $1.50.\n2. `rm -rf` it &amp; go:\n\n'
        "| a | b |\n|---|---|\n| 2*3 | 2**3 |\n\nSee <b>Mr. Smith</b>\u2014soon. \U0001f600\n"
    )
    model = ScriptedModel.playing([answer[at : at + size] for at in range(0, len(answer), size)])
    async with copy_of_actor(broker, model) as actor:
        await finish(await tell(broker, actor, ended(HELLO)))
    written = [event.text for event in await log_of(broker) if isinstance(event, e.ReplyClauseWritten)]
    assert "".join(written) == (await last(broker, e.ReplyCompleted)).text == answer


async def test_the_greeting_is_said_without_a_model(broker: NatsBroker) -> None:
    model = ScriptedModel.playing(ANSWER)
    async with copy_of_actor(broker, model) as actor:
        await finish(await tell(broker, actor, opened(greeting="Welcome. How can I help?", llm="fake:m0")))
    assert await clauses(broker) == ["Welcome.", "How can I help?"]
    assert model.asked == []


async def test_the_profile_names_prompt_and_model(broker: NatsBroker) -> None:
    wanted = ScriptedModel.playing(["Ahoy."])
    async with copy_of_actor(broker, ScriptedModel.playing(ANSWER), wanted) as actor:
        await finish(await tell(broker, actor, opened(prompt="Be a pirate.", llm="fake:m1"), ended(HELLO)))
    assert wanted.asked[0][0].text == "Be a pirate."
    assert (await last(broker, e.ReplyStarted)).model == "fake:m1"


async def test_a_tool_is_called_recorded_and_answered_from(broker: NatsBroker) -> None:
    model = ScriptedModel.playing([tool_call("current_time", '{"time_zone": "Tokyo"}')], ["It is late."])
    async with copy_of_actor(broker, model) as actor:
        await finish(await tell(broker, actor, ended("Is it late in Tokyo?")))
    called, returned = await last(broker, e.ToolCalled), await last(broker, e.ToolReturned)
    assert called.call_id == returned.call_id
    assert "Tokyo" in returned.result
    assert model.asked[1][-1].text == returned.result
    assert await clauses(broker) == ["It is late."]


ZONES = [("Asia/Tokyo", "", False), ("", "Asia/Tokyo", False), ("", "", True)]


@pytest.mark.parametrize(("told", "agents", "is_named"), ZONES)
async def test_the_clock_shows_the_callers_time(broker: NatsBroker, told: str, agents: str, is_named: bool) -> None:
    model = ScriptedModel.playing([tool_call("current_time")], ["It is late."])
    caller = fact(e.ParticipantJoined, "join", participant_id="p", time_zone=told)
    async with copy_of_actor(broker, model) as actor:
        await finish(await tell(broker, actor, opened(llm="fake:m0", time_zone=agents), caller, ended("Is it late?")))
    returned = json.loads((await last(broker, e.ToolReturned)).result)
    assert ("zone" in returned) == is_named
    if not is_named:
        assert f" {datetime.now(ZoneInfo('Asia/Tokyo')).day}, " in returned["date"]


FAILURES = [
    (ToolFailed("there is no such order"), "there is no such order"),
    (KeyError("secret"), "it failed"),
    (TimeoutError(), "it took longer than 15 s"),
]


@pytest.mark.parametrize(("failure", "told"), FAILURES)
async def test_why_a_tool_failed_is_told_without_names_of_classes(
    broker: NatsBroker, failure: Exception, told: str
) -> None:
    async def fail(_arguments: Any, _call: Call) -> str:
        raise failure

    tool = Tool("order", "Order it.", {"type": "object", "properties": {}}, fail)
    model = ScriptedModel.playing([tool_call("order")], ["I see."])
    async with copy_of_actor(broker, model, having=[tool]) as actor:
        await finish(await tell(broker, actor, opened(llm="fake:m0"), ended("Order it.")))
    assert (await last(broker, e.ToolReturned)).error == told


async def test_an_interrupted_tool_with_effects_is_not_run_again(broker: NatsBroker) -> None:
    runs: list[str] = []

    async def effect(_arguments: Any, _call: Call) -> str:
        runs.append("ran")
        return "done"

    tool = Tool("order", "Order it.", {"type": "object", "properties": {}}, effect, kind="action")
    turn = ended("Order it.")
    reply_id = reply_id_of(turn)
    call_id = call_id_of(reply_id, "order", {}, 0)
    await append(broker, turn)
    await append(broker, started("Order it.", reply_id))
    await append(broker, about(e.ToolCalled, reply_id, call_id=call_id, tool="order"))
    model = ScriptedModel.playing([tool_call("order")], ["I see."])
    async with copy_of_actor(broker, model, having=[tool]) as actor:
        await finish([await handled(actor, turn)])
        assert runs == []
        assert "not known" in (await last(broker, e.ToolReturned)).error
        await finish([await handled(actor, turn)])
    assert runs == []
    outcomes = [each.outcome for each in await log_of(broker) if isinstance(each, e.ToolReturned)]
    assert outcomes == ["unknown", "failed"]  # the model has called it again, in vain


async def test_a_draft_waits_with_effects_until_it_is_committed(broker: NatsBroker) -> None:
    runs: list[str] = []

    async def effect(_arguments: Any, _call: Call) -> str:
        runs.append("ran")
        return "ok"

    tool = Tool("order", "Order it.", {"type": "object", "properties": {}}, effect, kind="action")
    model = ScriptedModel.playing([tool_call("order")], ["Done."])
    async with copy_of_actor(broker, model, having=[tool]) as actor:
        drafting = await tell(broker, actor, revised("Order it."))
        assert runs == []
        await tell(broker, actor, ended("Order it."))
        await finish(drafting)
    assert runs == ["ran"]


async def test_a_closed_session_stops_what_is_being_written(broker: NatsBroker) -> None:
    model = ScriptedModel.playing(["Good day. Nice ", WAIT])
    async with copy_of_actor(broker, model) as actor:
        tasks = await tell(broker, actor, ended(HELLO))
        await append(broker, fact(e.SessionClosed, "close", reason="hangup"))
        await finish(tasks)
    assert (await last(broker, e.ReplyCompleted)).finish == "interrupted"


async def test_a_draft_that_is_being_written_is_discarded_with_its_session(broker: NatsBroker) -> None:
    model = ScriptedModel.playing(["Good day. Nice ", WAIT])
    async with copy_of_actor(broker, model) as actor:
        tasks = await tell(broker, actor, revised(HELLO))
        await until(lambda: clauses(broker))
        await append(broker, fact(e.SessionClosed, "close", reason="timeout"))
        await finish(tasks)
    assert model.cancelled.is_set()
    assert (await last(broker, e.ReplyDiscarded)).reason == "the session has closed"


async def test_nothing_is_lost_while_nats_is_away(broker: NatsBroker, nats_server: NatsServer) -> None:
    outage = asyncio.Event()

    class AcrossOutage(ScriptedModel):
        async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            async for chunk in ScriptedModel._astream(self, *args, **kwargs):
                yield chunk
                await outage.wait()

    async with copy_of_actor(broker, AcrossOutage.playing(["Good day. Nice ", "to hear you."])) as actor:
        tasks = await tell(broker, actor, ended(HELLO))
        await until(lambda: clauses(broker))
        await nats_server.stop()
        outage.set()
        await asyncio.sleep(0.3)  # for as long as the outage lasts
        await nats_server.start()
        await finish(tasks)
    assert await clauses(broker) == ["Good day.", "Nice to hear you."]
    assert (await names(broker)).count("ReplyCompleted") == 1


async def test_a_draft_whose_turn_ends_while_nats_hangs_is_committed(
    broker: NatsBroker, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "ACK_TIMEOUT_S", 0.2)
    async with copy_of_actor(broker, ScriptedModel.playing(ANSWER)) as actor:
        drafting = await tell(broker, actor, revised(HELLO))
        await until(lambda: clauses(broker))
        nats_server.freeze()
        ending = asyncio.create_task(tell(broker, actor, ended(HELLO)))
        await asyncio.wait([ending], timeout=1)  # for as long as the freeze lasts
        assert not ending.done()
        nats_server.thaw()
        await finish([*await asyncio.wait_for(ending, 20), *drafting])
    said = await names(broker)
    assert (said.count("ReplyStarted"), said.count("ReplyCommitted"), said.count("ReplyDiscarded")) == (1, 1, 0)


async def test_a_log_that_is_away_is_waited_for(broker: NatsBroker, nats_server: NatsServer) -> None:
    async with copy_of_actor(broker, ScriptedModel.playing(ANSWER)) as actor:
        await append(broker, ended(HELLO))
        await nats_server.stop()
        handling = asyncio.create_task(handled(actor, ended(HELLO)))
        await asyncio.sleep(0.3)  # for as long as the outage lasts
        await nats_server.start()
        task = await asyncio.wait_for(handling, 10)
        await finish([task])
    assert await clauses(broker) == CLAUSES


async def test_text_of_a_hundred_kilobytes_is_answered(broker: NatsBroker) -> None:
    model = ScriptedModel.playing(ANSWER)
    async with copy_of_actor(broker, model) as actor:
        await finish(await tell(broker, actor, ended("word " * 20_000)))
    assert len(model.asked[0][-1].text) <= 12_000
    assert await clauses(broker)


def test_a_repeated_beginning_is_stripped_however_it_is_cut() -> None:
    for text in ("Hello you. And more.", " and more."):
        continuation = Continuation("Hello you.")
        assert "".join(continuation.feed(character) for character in text).strip().lower() == "and more."
    silent = Continuation("Hello you.")
    assert silent.feed("Hello") + silent.feed(" you.") == ""
