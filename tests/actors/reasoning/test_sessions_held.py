"""What a copy of reasoning holds of sessions: those that are over are let go."""

import asyncio

from faststream.nats import NatsBroker

from actors.reasoning.session_log import DROPPED, SessionLogs
from actors.reasoning.wire import SilentWire
from contracts import events as e
from infra.log.event_log import append
from infra.log.taped_log import LiveLog
from infra.tape.tape import Plain, Tape
from infra.tape.untaped import Untaped
from tests.actors.reasoning.facts import ended, fact, opened
from tests.actors.reasoning.models import ScriptedModel
from tests.actors.reasoning.test_actor import HELLO, copy_of_actor, finish, tell
from tests.waiting import until


def of_session(event: e.Event, number: int) -> e.Event:
    return event.model_copy(update={"session_id": f"s-{number}", "event_id": f"{event.event_id}-{number}"})


async def test_sessions_that_are_over_are_let_go(broker: NatsBroker) -> None:
    model = ScriptedModel.playing(*(["Good day."] for _ in range(12)))
    async with copy_of_actor(broker, model) as actor:
        for number in range(12):
            await finish(await tell(broker, actor, of_session(opened(), number), of_session(ended(HELLO), number)))
        assert actor.sessions_held == 12
        for number in range(11):
            await append(broker, of_session(fact(e.SessionClosed, "close", reason="hangup"), number))
        await until(lambda: actor.sessions_held == 1)


async def test_a_session_whose_end_is_found_in_the_log_is_let_go(broker: NatsBroker) -> None:
    closed = fact(e.SessionClosed, "close", reason="hangup")
    await append(broker, closed)
    async with copy_of_actor(broker, ScriptedModel.playing(["Good day."])) as actor:
        tasks = await tell(
            broker, actor, fact(e.UtteranceDismissed, "late", utterance_id="u", participant_id="p", reason="unlikely")
        )
        await asyncio.wait_for(finish(tasks), 10)
        assert actor.sessions_held == 0


class Noted(Untaped):
    """Tapes that keep what was taken in."""

    def __init__(self) -> None:
        super().__init__()
        self.kinds: list[str] = []

    def of(self, session_id: str) -> Tape:
        return self

    def took(self, kind: str, payload: Plain = None, at_ns: int | None = None) -> None:
        self.kinds.append(kind)


def test_not_even_open_sessions_are_held_without_end_and_the_tape_of_one_that_is_dropped_says_so(
    broker: NatsBroker,
) -> None:
    tapes = Noted()
    logs = SessionLogs(LiveLog(broker, tapes), tapes, SilentWire(), most=3)
    for number in range(10):
        logs.of(f"s-{number}")
    assert len(logs) == 3
    assert tapes.kinds == [DROPPED] * 7
