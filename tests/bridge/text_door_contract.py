"""What every door does with text, whatever its protocol. The test class of each door inherits what applies to it.

`TextDoorContract` is for all. `NamedTextsContract` is for doors at which a text can be sent again under its own id,
`OutageContract` for those that can still be talked to while the log is away, and `SessionsContract` for those at which
a client says itself in which session it writes. A door that does not inherit one says why.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from faststream.nats import NatsBroker

from contracts import events as e
from infra.log.connection import connection
from infra.log.event_log import history
from tests.actors.reasoning.models import ScriptedModel
from tests.bridge.http.answering import reasoning
from tests.servers import NatsServer
from tests.waiting import until, until_async

WITHIN_S = 60
TOO_LONG = "word " * 20_000


@dataclass(frozen=True, slots=True)
class RefusedText:
    """Why a text was not taken: `code` for programs (empty where the door tells none), `message` for people."""

    code: str
    message: str


class TextDoor(ABC):
    """One person at a door, with one conversation."""

    session_id: str
    """The conversation; empty until its first text is taken, where that is what begins it."""

    @abstractmethod
    async def write(self, text: str, text_id: str = "") -> RefusedText | None:
        """Write a text; return why it was refused, or None once the door has told that it is stored."""

    async def enter(self, session_id: str) -> RefusedText | None:
        """Write in a session without its secret, as somebody else."""
        raise NotImplementedError


class _OfADoor(ABC):
    """What the contracts have in common."""

    @pytest.fixture
    @abstractmethod
    def text_door(self) -> object:
        """Yield a TextDoor on the test's log."""

    @pytest.fixture
    def turns(self, broker: NatsBroker, text_door: TextDoor) -> "Turns":
        return Turns(broker, text_door)


class Turns:
    """The turns of the door's conversation, as the log has them."""

    def __init__(self, broker: NatsBroker, door: TextDoor) -> None:
        self._broker = broker
        self._door = door

    async def stored(self) -> list[e.TurnEnded]:
        return [fact for fact in await facts_of(self._broker, self._door.session_id) if isinstance(fact, e.TurnEnded)]

    async def texts(self) -> list[str]:
        return [turn.text for turn in await self.stored()]

    async def until_stored(self, text: str) -> None:
        async def is_stored() -> bool:
            return text in await self.texts()

        await until_async(is_stored, WITHIN_S, text)

    async def until_answered(self) -> list[str | None]:
        """Wait until the last turn's reply is complete; return the turns that replies were begun for."""

        async def is_answered() -> bool:
            facts = await facts_of(self._broker, self._door.session_id)
            last = [fact.turn_id for fact in facts if isinstance(fact, e.TurnEnded)][-1:]
            complete = [fact.turn_id for fact in facts if isinstance(fact, e.ReplyCompleted)]
            return bool(last) and last[0] in complete

        await until_async(is_answered, WITHIN_S, "the answer")
        facts = await facts_of(self._broker, self._door.session_id)
        return [fact.turn_id for fact in facts if isinstance(fact, e.ReplyStarted)]


async def facts_of(broker: NatsBroker, session_id: str) -> list[e.Event]:
    return [fact.event async for fact in history(connection(broker), session_id)] if session_id else []


@asynccontextmanager
async def answering() -> AsyncIterator[None]:
    """Run reasoning, which answers every turn with `Yes.`"""
    async with reasoning(ScriptedModel.playing(["Yes."])):
        yield


class TextDoorContract(_OfADoor):
    """For every door."""

    async def test_each_text_is_one_turn_in_the_order_of_writing_and_is_answered_once(
        self, text_door: TextDoor, turns: Turns
    ) -> None:
        async with answering():
            assert await text_door.write("  What\u0000 time\nis it? ") is None
            assert len(await turns.until_answered()) == 1
            # One is still being answered when the next is written; by voice, it may be overtaken and not answered.
            first = asyncio.create_task(text_door.write("One."))
            await turns.until_stored("One.")
            assert (await text_door.write("Two."), await first) == (None, None)
            answered = await turns.until_answered()
        stored = await turns.stored()
        assert [turn.text for turn in stored] == ["What time\nis it?", "One.", "Two."]
        assert {(turn.source, turn.evidence) for turn in stored} == {("text", None)}
        assert len(answered) == len(set(answered))
        assert {stored[0].turn_id, stored[2].turn_id} <= set(answered) <= {turn.turn_id for turn in stored}

    async def test_a_text_that_cannot_be_taken_is_refused_with_a_reason_and_not_stored(
        self, text_door: TextDoor, turns: Turns
    ) -> None:
        for text, code in (("", "text-empty"), (" \u0000\u0007\n", "text-empty"), (TOO_LONG, "text-too-long")):
            refused = await text_door.write(text)
            assert refused is not None, text[:9]
            assert refused.code in ("", code)
            assert refused.message
        async with answering():
            assert await text_door.write("Still here.") is None
        assert await turns.texts() == ["Still here."]


class NamedTextsContract(_OfADoor):
    """For doors at which a client may name its texts, and send one again when it does not know what came of it."""

    async def test_the_same_text_under_the_same_id_is_one_turn_and_under_another_two(
        self, text_door: TextDoor, turns: Turns
    ) -> None:
        for text_id in ("m-1", "m-1", "m-2"):
            assert await text_door.write("Hello.", text_id) is None
        assert await turns.texts() == ["Hello.", "Hello."]


class OutageContract(_OfADoor):
    """For doors that do not themselves go through NATS."""

    keeps_text = False
    """Whether a text that comes meanwhile is kept, and told as stored when it is; else it is refused at once."""

    async def test_a_text_written_while_the_log_is_away_is_stored_once_or_refused(
        self, text_door: TextDoor, turns: Turns, broker: NatsBroker, nats_server: NatsServer
    ) -> None:
        async with answering():
            assert await text_door.write("Before.") is None
        await nats_server.stop()
        await until(lambda: not connection(broker).is_connected)
        writing = asyncio.create_task(text_door.write("Meanwhile.", "m-1"))
        if not self.keeps_text:
            refused = await asyncio.wait_for(writing, WITHIN_S)
            assert refused is not None
            assert (refused.code, bool(refused.message)) == ("log-unavailable", True)
        await nats_server.start()
        await until(lambda: connection(broker).is_connected)
        async with answering():
            if self.keeps_text:
                assert await asyncio.wait_for(writing, WITHIN_S) is None
            assert await text_door.write("Meanwhile.", "m-1") is None
        assert await turns.texts() == ["Before.", "Meanwhile."]


class SessionsContract(_OfADoor):
    """For doors at which a client names the session that it writes in."""

    async def test_nobody_writes_in_a_session_that_never_was(self, text_door: TextDoor, broker: NatsBroker) -> None:
        refused = await text_door.enter("never-was")
        assert refused is not None
        assert (refused.code, bool(refused.message)) == ("session-unknown", True)
        assert await facts_of(broker, "never-was") == []

    async def test_nobody_writes_in_the_session_of_somebody_else(self, text_door: TextDoor, broker: NatsBroker) -> None:
        async with answering():
            assert await text_door.write("Mine.") is None
        before = len(await facts_of(broker, text_door.session_id))
        refused = await text_door.enter(text_door.session_id)
        assert refused is not None
        assert refused.code in ("session-unknown", "resume-refused")
        assert refused.message
        assert len(await facts_of(broker, text_door.session_id)) == before
