"""Several people in one session, on real NATS."""

from faststream.nats import NatsBroker

from contracts import events as e
from tests.actors.reasoning.models import ScriptedModel
from tests.actors.reasoning.people_talk import room, says, thinks
from tests.actors.reasoning.test_actor import copy_of_actor, finish, handled, last, names, tell


async def test_a_turn_that_is_not_for_the_agent_is_passed_with_its_reason_and_overheard(broker: NatsBroker) -> None:
    model = ScriptedModel.playing(["He is Sam."])
    async with copy_of_actor(broker, model) as actor:
        await tell(broker, actor, *room("asked"), says("sam", "Kim, where were you?", "t1"))
        await finish(await tell(broker, actor, says("kim", "Daredevil, who is he?", "t2", 60)))
    passed = await last(broker, e.TurnPassed)
    assert (passed.reason, passed.addressed_id, passed.turn_id) == ("to-another", "kim", "t1")
    start = await last(broker, e.ReplyStarted)
    assert (start.turn_id, start.text) == ("t2", "Daredevil, who is he?")
    assert start.context[-1].text.splitlines() == [
        "Sam: Kim, where were you?",
        "[You answer Kim.]",
        "Kim: Daredevil, who is he?",
    ]
    assert [len(asked) for asked in model.asked] == [2], "system; what was overheard, with the question"


async def test_the_draft_of_a_passed_turn_is_discarded(broker: NatsBroker) -> None:
    async with copy_of_actor(broker, ScriptedModel.playing(["Here."])) as actor:
        await tell(broker, actor, *room("asked"))
        await finish(await tell(broker, actor, thinks("sam", "Where were you?", "t1")))
        await tell(broker, actor, says("sam", "Where were you, Kim?", "t1"))
    told = await names(broker)
    assert told.index("ReplyDiscarded") < told.index("TurnPassed")
    assert "ReplyCommitted" not in told


async def test_a_turn_that_comes_again_is_passed_once(broker: NatsBroker) -> None:
    turn = says("sam", "I am tired.", "t1")
    async with copy_of_actor(broker, ScriptedModel.playing(["Oh."])) as actor:
        await tell(broker, actor, *room("named"), turn)
        await handled(actor, turn)
    async with copy_of_actor(broker, ScriptedModel.playing(["Oh."])) as another:
        await handled(another, turn)
    assert (await names(broker)).count("TurnPassed") == 1
