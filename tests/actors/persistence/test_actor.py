"""Persistence on a real log."""

from faststream.nats import NatsBroker

from actors.persistence import actor
from contracts.events import Event, TurnRecorded
from infra.log.connection import connection
from infra.log.dead_letters import dead_letters
from infra.log.event_log import append
from tests.actors.persistence.test_record import CUT, EXCHANGE, FINISHED
from tests.actors.running import facts_until, running


def _records(facts: list[Event]) -> list[TurnRecorded]:
    return [fact for fact in facts if isinstance(fact, TurnRecorded)]


async def test_a_reply_is_recorded_once_when_its_playback_has_ended(broker: NatsBroker) -> None:
    async with running(actor.make(), "persistence", broker):
        for event in (*EXCHANGE, CUT):
            await append(broker, event)
        await facts_until(broker, "s", lambda facts: bool(_records(facts)))
        await append(broker, FINISHED)
        later = FINISHED.model_copy(update={"event_id": "later", "reply_id": "other", "heard_text": "Bye."})
        await append(broker, later)
        facts = await facts_until(broker, "s", lambda facts: len(_records(facts)) == 2)
    assert [(record.reply_id, record.heard_text) for record in _records(facts)] == [("r", "It is"), ("other", "Bye.")]


async def test_what_no_actor_knows_is_moved_to_the_dead_letters(broker: NatsBroker) -> None:
    async with running(actor.make(), "persistence", broker):
        await connection(broker).publish("voice.s.no.such", b"\xc1")
        await append(broker, FINISHED)
        await facts_until(broker, "s", lambda facts: bool(_records(facts)))
        letters = await dead_letters(connection(broker))
    assert [letter.subject for letter in letters] == ["voice.s.no.such"]
