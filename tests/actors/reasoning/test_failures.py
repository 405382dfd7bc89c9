"""Failures of models as facts: one failure, one fact, also where it happened to another copy or in another session."""

import asyncio

from faststream.nats import NatsBroker

from contracts import events as e
from infra.engines.chain import PASSED_OVER
from infra.log.connection import connection
from infra.log.event_log import append, history
from tests.actors.reasoning.facts import ended
from tests.actors.reasoning.models import WAIT, ScriptedModel
from tests.actors.reasoning.test_actor import HELLO, clauses, copy_of_actor, finish, handled, tell, until
from tests.actors.reasoning.test_sessions_held import of_session

NO_CREDIT = RuntimeError("no credit")


async def failures(broker: NatsBroker, session_id: str) -> list[tuple[str, str]]:
    """Return engine and error of each EngineFailed in a session."""
    found = [fact.event async for fact in history(connection(broker), session_id)]
    return [(event.engine, event.error) for event in found if isinstance(event, e.EngineFailed)]


async def test_a_model_that_fails_again_for_the_copy_that_goes_on_with_a_reply_is_a_second_fact(
    broker: NatsBroker,
) -> None:
    turn = ended(HELLO)
    dying = (ScriptedModel.playing([NO_CREDIT]), ScriptedModel.playing(["Good day, dear caller. Nice ", WAIT]))
    async with copy_of_actor(broker, *dying) as actor:
        (task,) = await tell(broker, actor, turn)
        await until(lambda: clauses(broker))
        assert task is not None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    again = (ScriptedModel.playing([RuntimeError("no power")]), ScriptedModel.playing(["to hear you."]))
    async with copy_of_actor(broker, *again) as actor:
        await finish([await handled(actor, turn)])
    told = [("fake:m0", "RuntimeError: no credit"), ("fake:m0", "RuntimeError: no power")]
    assert await failures(broker, turn.session_id) == told


async def test_a_model_that_rests_because_it_failed_elsewhere_is_a_fact_of_each_session_that_does_not_ask_it(
    broker: NatsBroker,
) -> None:
    failing, other = ScriptedModel.playing([NO_CREDIT]), ScriptedModel.playing(["Good day."])
    async with copy_of_actor(broker, failing, other) as actor:
        for number in (1, 2):
            for turn in ("t1", "t2"):
                await finish(await tell(broker, actor, of_session(ended(HELLO, turn), number)))
    assert len(failing.asked) == 1
    assert await failures(broker, "s-1") == [("fake:m0", "RuntimeError: no credit")]
    assert await failures(broker, "s-2") == [("fake:m0", PASSED_OVER)]


async def test_a_decision_knows_all_that_is_in_the_log_not_only_what_was_before_its_event(broker: NatsBroker) -> None:
    model = ScriptedModel.playing(["Good day."])
    first, second = ended("Hello there.", "t1"), ended("What is the time in Rome?", "t2")
    async with copy_of_actor(broker, model) as actor:
        await append(broker, first)
        await append(broker, second)
        assert await handled(actor, first) is None, "it has been overtaken"
        await finish([await handled(actor, second)])
    started = [
        fact.event
        async for fact in history(connection(broker), first.session_id)
        if isinstance(fact.event, e.ReplyStarted)
    ]
    assert [event.text for event in started] == [second.text]
